"""Edge Impulse's own SDK behind two functions: what goes wrong in it becomes one sentence, and the key is never shown."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from emotion_camera.commands.edge_impulse.credentials import INSTALL, STUDIO, address
from emotion_camera.errors import UserError
from emotion_camera.progress import clock

MOST_RETRIES = 3  # the SDK's own 10 are 8 minutes of silence where nothing answers
ANSWER_S = 120  # for one answer, the sending of a model included; the SDK itself would wait for ever
JOB_S = 1800  # for one job of Studio's


class JobFailed(Exception):
    """A job of Studio's that did not succeed; the message is the end of its log."""


def profile(model: Path, key: str, device: str | None = None) -> Any:
    """The SDK's answer of what a model takes on Studio's boards: `edgeimpulse_api.GetPretrainedModelResponse`.

    It replaces the pretrained model of the key's project. UserError with a sentence for whatever fails.
    """
    with _sdk(key) as ei:
        answer = ei.model.profile(model=str(model), device=device, api_key=key, timeout_sec=JOB_S)
        if answer.model is None or answer.model.profile_info is None:
            raise UserError("Studio has no estimate for this model; look at it in Studio, Upload model")
        return answer


def deploy(model: Path, labels: tuple[str, ...], key: str, scaling: str) -> bytes:
    """The zip that Studio builds for OpenMV of a model: int8, pixels scaled as "0..1" or "0..255", a score for each label.

    It replaces the pretrained model of the key's project. UserError with a sentence for whatever fails.
    """
    with _sdk(key) as ei:
        from edgeimpulse.model.input_type import ImageInput
        from edgeimpulse.model.output_type import Classification

        built = ei.model.deploy(
            model=str(model),
            model_output_type=Classification(labels=list(labels)),
            model_input_type=ImageInput(scaling_range=scaling),
            deploy_model_type="int8",
            engine="tflite",
            deploy_target="openmv",
            api_key=key,
            timeout_sec=JOB_S,
        )
        return bytes(built.getvalue())


@contextlib.contextmanager
def _sdk(key: str) -> Iterator[Any]:
    """The SDK: at the address of credentials.py, quiet, patient but not for ever, its exceptions turned into UserError."""
    studio = address(STUDIO)
    ei = _load()
    ei.API_ENDPOINT = studio
    with contextlib.ExitStack() as stack:
        stack.enter_context(_quiet())
        stack.enter_context(_limits())
        stack.enter_context(_jobs_watched())
        try:
            yield ei
        except UserError:
            raise
        except Exception as error:  # the SDK raises plain Exception, pydantic's, urllib3's and its own
            raise UserError(_sentence(error, studio).replace(key, "(the key)")) from None


def _load() -> Any:
    # It imports TensorFlow where it finds it: seconds, and lines of chatter, for what is not used here.
    absent: dict[str, Any] = {name: None for name in ("tensorflow", "keras") if name not in sys.modules}
    sys.modules.update(absent)
    try:
        import edgeimpulse
        import edgeimpulse.exceptions
        import edgeimpulse.model
    except ImportError as error:
        raise UserError(f"Edge Impulse's SDK can't be used ({error}): {INSTALL}") from None
    finally:
        for name in absent:
            del sys.modules[name]
    return edgeimpulse


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The SDK writes to the root logger, which would set up a printer of its own where there is none."""
    nowhere = logging.NullHandler()
    logging.getLogger().addHandler(nowhere)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(nowhere)


@contextlib.contextmanager
def _limits() -> Iterator[None]:
    """The SDK has no setting for how often it tries again, how long it waits for an answer, and where it sends the key.

    urllib3 would follow a redirection and take the header x-api-key along to any other host.
    """
    import urllib3
    from edgeimpulse_api.rest import RESTClientObject

    retry = urllib3.Retry(total=MOST_RETRIES, redirect=False, backoff_factor=1.0)
    send: Callable[..., Any] = RESTClientObject.request

    def request(client: Any, *words: Any, **how: Any) -> Any:
        return send(client, *words, **how | {"_request_timeout": ANSWER_S})

    with patch.object(urllib3, "Retry", lambda **_: retry), patch.object(RESTClientObject, "request", request):
        yield


@contextlib.contextmanager
def _jobs_watched() -> Iterator[None]:
    """Show the progress of jobs, and raise JobFailed for one that failed: the SDK takes any end for success."""
    from edgeimpulse_api import JobsApi

    ask: Callable[..., Any] = JobsApi.get_job_status
    clocks: dict[int, Any] = {}  # by the job's number

    def status(jobs: Any, project_id: int, job_id: int, **how: Any) -> Any:
        try:
            answer = ask(jobs, project_id, job_id, **how)
        except Exception as error:
            if str(error) == "Job did not finish successfully":
                raise JobFailed(_end_of_log(jobs, project_id, job_id)) from None
            raise
        if answer.success and answer.job:
            job = answer.job
            if job.id not in clocks:
                clocks[job.id] = clock(f"Studio: {str(job.category or 'a job').lower()} ...")
            clocks[job.id].refresh()
            if job.finished:
                clocks[job.id].close()
            if job.finished and not job.finished_successful:
                raise JobFailed(_end_of_log(jobs, project_id, job_id))
        return answer

    with patch.object(JobsApi, "get_job_status", status):
        try:
            yield
        finally:
            for each in clocks.values():
                each.close()


def _end_of_log(jobs: Any, project_id: int, job_id: int) -> str:
    try:
        lines = [item.data.strip() for item in jobs.get_jobs_logs(project_id, job_id).stdout]
    except Exception:  # the log is only what would be good to know
        lines = []
    last = next((line for line in reversed(lines) if line), "it left no log")
    return last[-300:]


def _sentence(error: Exception, studio: str) -> str:
    """What went wrong in the SDK, and what to do."""
    from edgeimpulse import exceptions
    from edgeimpulse_api.exceptions import ApiException
    from pydantic.v1 import ValidationError
    from urllib3.exceptions import HTTPError

    if isinstance(error, JobFailed):
        return f"Studio's job failed, it says: {error}; look at the model in Studio, or try again"
    if isinstance(error, exceptions.InvalidDeviceException):
        known = ", ".join(sorted(error.profile_devices))
        return f"--device {error.device}: Studio knows no such device; it knows {known}"
    if isinstance(error, exceptions.InvalidTargetException):
        return "this project offers no OpenMV library; look at Deployment in Studio, or use another project's key"
    if isinstance(error, exceptions.TimeoutException):
        return f"Studio's job took over {JOB_S // 60} minutes and was cancelled; try again, or look at Jobs in Studio"
    if isinstance(error, ApiException):
        return _refusal(error.status, error.body)
    if isinstance(error, (HTTPError, OSError)):
        return f"{studio} can't be reached ({_reason(error)}); look at the network, or try again in a minute"
    if isinstance(error, (ValidationError, AttributeError, KeyError, TypeError, IndexError)):
        return (
            "Studio answers otherwise than this version of its SDK expects; see if there is a newer edgeimpulse on PyPI"
        )
    said = getattr(error, "error", None) or str(error)
    return _said(" ".join(str(said).replace("----------------", "").split("For more information")[0].split()))


def _refusal(status: int | None, body: Any) -> str:
    """An HTTP status other than 200."""
    if status and 300 <= status < 400:
        return (
            f"Studio sends on to another address ({status}), which would get the key; see that EI_API_ENDPOINT is right"
        )
    if status in (401, 403):
        return f"Studio refuses the API key ({status}): copy your project's again from Dashboard, Keys; it needs the role admin"
    if status == 429:
        return "Studio gets too many requests of this key (429): wait a minute and try again"
    if status and status >= 500:
        return f"Studio has trouble of its own ({status}): try again in some minutes"
    try:
        said = json.loads(body)["error"]
    except (ValueError, TypeError, KeyError):
        said = "no reason"
    return f"Studio refuses this ({status}) and gives as the reason: {str(said)[:300]}"


def _said(message: str) -> str:
    """An answer with success false: its own words, unless it is about the key."""
    if "api key" in message.lower() or "unauthorized" in message.lower():
        return _refusal(401, None)
    return f"Studio refuses this and says: {message[:300]}"


def _reason(error: BaseException) -> str:
    """What is at the bottom of urllib3's long sentences."""
    reason: Any = getattr(error, "reason", None) or error
    cause = reason.__cause__ or reason.__context__
    text = str(cause.strerror if isinstance(cause, OSError) and cause.strerror else reason)
    return text.rpartition(": ")[2][:200]
