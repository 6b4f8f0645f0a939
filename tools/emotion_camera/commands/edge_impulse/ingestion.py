"""Edge Impulse's ingestion service: sends pictures, and tries again when a network or the service fails for a moment."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from time import sleep
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from emotion_camera.commands.edge_impulse.samples import Sample
from emotion_camera.errors import UserError

if TYPE_CHECKING:
    from requests import Response

TRIES = 7  # with the waits between them, about a minute
LONGEST_S = 300.0  # a service that asks for more patience than this is over its quota
TIMEOUT_S = (10, 120)  # to connect, and for an answer once all is sent
PLAIN = "!'()*"  # with letters, digits and -._~ what JavaScript's encodeURIComponent leaves as it is
MOST_SAID = 200  # characters of the service's own error that are passed on


class Answer(NamedTuple):
    """What became of one picture: its number in the project, or why it has none; `known` when it was there before."""

    sample_id: int | None
    error: str | None
    known: bool


class Ingestion:
    """The service at an address, for the project of a key. `say` gets a sentence for each wait."""

    def __init__(self, address: str, key: str, say: Callable[[str], None]) -> None:
        import requests

        self._address, self._key, self._say = address, key, say
        self._session = requests.Session()
        self._session.trust_env = address.startswith("https://")  # a proxy is not asked for this computer's own address

    def send(self, pictures: list[tuple[Sample, bytes]]) -> list[Answer]:
        """Sends pictures of one label, category and metadata; an answer for each. UserError when the service takes none."""
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

    def _post(self, url: str, headers: dict[str, str], files: list[Any]) -> Response:
        """The answer, if need be after some tries; UserError for one that no further try would better."""
        import requests

        for number in range(TRIES):
            again_s = 2**number * random.uniform(0.5, 1.5)  # apart from others who wait for the same
            try:  # a redirection would carry the key to another host
                response = self._session.post(
                    url, headers=headers, files=files, timeout=TIMEOUT_S, allow_redirects=False
                )
            except (requests.exceptions.SSLError, requests.exceptions.InvalidURL):
                raise UserError(f"{self._address} has no certificate that is accepted, or is no address") from None
            except requests.RequestException as error:
                why = "no answer came" if isinstance(error, requests.Timeout) else "the connection failed"
                trouble, advice = f"{self._address}: {why}", "look at the network"
            else:
                if response.status_code != 429 and response.status_code < 500:
                    return response
                trouble = f"the service answers {response.status_code} ({self._text(response)})"
                advice = (
                    "wait, and look at your plan's limits in Studio" if response.status_code == 429 else "try later"
                )
                again_s = max(again_s, retry_after_s(response.headers.get("Retry-After")))
            if number == TRIES - 1 or again_s > LONGEST_S:
                break
            self._say(f"{trouble}; trying again in {again_s:.0f} s")
            sleep(again_s)
        raise UserError(f"{trouble}, after {number + 1} tries: {advice}")

    def _answers(self, response: Response, count: int) -> list[Answer]:
        if response.status_code in (401, 403):
            raise UserError(
                "the service does not take the API key: copy your project's from Studio, Dashboard, Keys, and set EI_API_KEY"
            )
        try:
            said = response.json()
        except ValueError:
            said = None
        if response.status_code != 200 or not isinstance(said, dict) or not said.get("success"):
            raise UserError(f"the service refuses the pictures ({response.status_code}): {self._text(response)}")
        files = said.get("files")
        if not isinstance(files, list) or len(files) != count or not all(isinstance(file, dict) for file in files):
            raise UserError(f"{self._address} does not answer as the ingestion service does; is the address right?")
        return [self._answer(file) for file in files]

    def _answer(self, file: dict[str, Any]) -> Answer:
        """The service names no file that it refuses: its answers stand in the order of the files."""
        number = file.get("sampleId")
        if file.get("success"):
            return Answer(number if isinstance(number, int) else None, None, False)
        error = self._clean(str(file.get("error") or "no reason given"))
        return Answer(None, error, "already exists" in error)

    def _text(self, response: Response) -> str:
        """The service's own words; of a page that something on the way has put in its place, only the headline."""
        try:
            return self._clean(str(response.json()["error"]))
        except (ValueError, KeyError, TypeError):
            page = "html" in response.headers.get("content-type", "")
            return self._clean("" if page else response.text) or response.reason or "no reason given"

    def _clean(self, text: str) -> str:
        """On one line, not for ever, and without the key, should it come back."""
        return " ".join(text.replace(self._key, "...").split())[:MOST_SAID]


def name_of(sample: Sample) -> str:
    """What a picture is called in the project: the label, for what reads it from there, and what no other file has."""
    return f"{sample.label}.{sample.path.stem}.{sample.sha256[:8]}.{sample.ending}"


def retry_after_s(value: str | None, now: datetime | None = None) -> float:
    """Seconds that a Retry-After asks for (RFC 9110, 10.2.3: seconds or a date); 0 for none, or one that is neither."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    then = then if then.tzinfo else then.replace(tzinfo=timezone.utc)
    return max(0.0, (then - (now or datetime.now(timezone.utc))).total_seconds())
