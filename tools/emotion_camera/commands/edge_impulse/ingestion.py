"""Edge Impulse's ingestion service: sends pictures, and tries again when the network or the service fails for a moment.

Imported only when something is sent: requests comes with the edge-impulse extra.
"""

from __future__ import annotations

import json
import random
from time import sleep
from typing import Any, NamedTuple
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import InvalidHeader, MaxRetryError

from emotion_camera.commands.edge_impulse.samples import Sample
from emotion_camera.errors import UserError
from emotion_camera.progress import say
from emotion_camera.terminal import printable

TRIES = 7  # with the waits between them, about a minute
LONGEST_S = 300.0  # a service that asks for a longer wait than this is over its quota
TIMEOUT_S = (10, 120)  # to connect, and for an answer once all is sent
PLAIN = "!'()*"  # with letters, digits and -._~ what JavaScript's encodeURIComponent leaves as it is
MAX_ERROR = 200  # characters of the service's own error that are passed on


class Answer(NamedTuple):
    """The result for one picture: its number in the project, or why it has none; `known` when it was there before."""

    sample_id: int | None
    error: str | None
    known: bool


class ServiceRetry(Retry):
    """urllib3's retries, but the first wait is 1 s and not 0, a malformed Retry-After is no error, a too long one ends
    the tries, and each wait is said."""

    def get_backoff_time(self) -> float:
        """1, 2, 4 s ..., with jitter, so that clients that wait for the same service come apart."""
        return float(2 ** (len(self.history) - 1) * random.uniform(0.5, 1.5))

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """The seconds that the service asks for; None where it doesn't, or not in a valid form."""
        try:
            return super().get_retry_after(response)
        except (InvalidHeader, ValueError, OverflowError):
            return None

    def increment(self, method: Any = None, url: Any = None, response: Any = None, *rest: Any, **more: Any) -> Any:
        if response is not None and (self.get_retry_after(response) or 0) > LONGEST_S:
            raise MaxRetryError(more["_pool"], url)
        return super().increment(method, url, response, *rest, **more)

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        trouble, wait_s = "the connection failed", self.get_backoff_time()
        if response is not None:
            trouble = f"the service answers {response.status}"
            wait_s = max(wait_s, self.get_retry_after(response) or 0)
        say(f"{trouble}; trying again in {wait_s:.0f} s")
        sleep(wait_s)


class Ingestion:
    """The service at an address, for the project of a key."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._key = address, key
        retry = ServiceRetry(
            TRIES - 1, other=0, redirect=False, allowed_methods=None, raise_on_status=False,
            status_forcelist={429, *range(500, 600)},
        )  # fmt: skip
        self._session = requests.Session()
        self._session.mount(address, HTTPAdapter(max_retries=retry))
        self._session.trust_env = address.startswith("https://")  # a proxy is not asked for this computer's own address

    def send(self, pictures: list[tuple[Sample, bytes]]) -> list[Answer]:
        """Send pictures of one label, category and metadata; an answer for each. UserError when the service takes none."""
        first = pictures[0][0]
        headers = {
            "x-api-key": self._key,
            "x-label": quote(first.label, safe=PLAIN),  # as Edge Impulse's own uploader does
            "x-disallow-duplicates": "1",
        }
        if first.metadata:
            headers["x-metadata"] = json.dumps(first.metadata)
        files = [
            ("data", (name_of(sample), data, f"image/{'png' if sample.ending == 'png' else 'jpeg'}"))
            for sample, data in pictures
        ]
        response = self._post(f"{self._address}/api/{first.category}/files", headers, files)
        return self._answers(response, len(pictures))

    def _post(self, url: str, headers: dict[str, str], files: list[Any]) -> requests.Response:
        """The answer, if need be after some tries; UserError for one that no further try would better."""
        try:  # a redirection would carry the key to another host
            response = self._session.post(url, headers=headers, files=files, timeout=TIMEOUT_S, allow_redirects=False)
        except (requests.exceptions.SSLError, requests.exceptions.InvalidURL):
            raise UserError(f"{self._address} has no certificate that is accepted, or is no address") from None
        except requests.RequestException:
            raise UserError(f"{self._address}: the connection failed, {TRIES} times: look at the network") from None
        if response.status_code == 429 or response.status_code >= 500:
            quota = "wait, and look at your plan's limits in Studio"
            advice = quota if response.status_code == 429 else "try later"
            raise UserError(f"the service answers {response.status_code} ({self._text(response)}): {advice}")
        return response

    def _answers(self, response: requests.Response, count: int) -> list[Answer]:
        if response.status_code in (401, 403):
            raise UserError(
                "the service does not take the API key: copy your project's from Studio, Dashboard, Keys, and set EI_API_KEY"
            )
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if response.status_code != 200 or not isinstance(answer, dict) or not answer.get("success"):
            raise UserError(f"the service refuses the pictures ({response.status_code}): {self._text(response)}")
        files = answer.get("files")
        if not isinstance(files, list) or len(files) != count or not all(isinstance(file, dict) for file in files):
            raise UserError(f"{self._address} does not answer as the ingestion service does; is the address right?")
        return [self._answer(file) for file in files]

    def _answer(self, file: dict[str, Any]) -> Answer:
        """The service names no file that it refuses: its answers are in the order of the files."""
        number = file.get("sampleId")
        if file.get("success"):
            return Answer(number if isinstance(number, int) else None, None, False)
        error = self._clean(str(file.get("error") or "no reason given"))
        return Answer(None, error, "already exists" in error)

    def _text(self, response: requests.Response) -> str:
        """The service's own error; of a page that a proxy has put in its place, only the status text."""
        try:
            return self._clean(str(response.json()["error"]))
        except (ValueError, KeyError, TypeError):
            page = "html" in response.headers.get("content-type", "")
            return self._clean("" if page else response.text) or response.reason or "no reason given"

    def _clean(self, text: str) -> str:
        """On one line, shortened, and without the key, should it come back."""
        return printable(text.replace(self._key, "..."), longest=MAX_ERROR)


def name_of(sample: Sample) -> str:
    """A picture's name in the project: begins with the label, for tools that take it from there, and is unique."""
    return f"{sample.label}.{sample.path.stem}.{sample.sha256[:8]}.{sample.ending}"
