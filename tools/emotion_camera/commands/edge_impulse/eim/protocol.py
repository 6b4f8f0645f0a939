"""Edge Impulse's Linux protocol: the response to each message."""

from __future__ import annotations

import json
import time
from typing import Any

from .network import Network, Refused

CAMERA = 3  # Edge Impulse's number of a sensor
TENSORFLOW_LITE = 4  # and of an engine
UNSUPPORTED = {
    "classify_continuous": "is for models of sound; send a whole picture with classify",
    "classify_shm": "needs shared memory, which this runner does not offer; send the pixels with classify",
    "set_threshold": "finds no block with a threshold in this model",
}


class Responder:
    """Responds for one model. `info` has its `name` and `labels`."""

    def __init__(self, network: Network, info: dict[str, Any]) -> None:
        self._network = network
        self._info = info

    def respond(self, message: bytes) -> dict[str, Any]:
        """The response to a message; `success` is False for an error, and `error` says which."""
        number = None
        try:
            request = _read(message)
            number = request.get("id")
            if type(number) is not int:
                number = None
                raise Refused("the message has no id, or one that is no whole number")
            return {"id": number, "success": True, **self._do(request)}
        except Refused as refused:
            return {"id": number, "success": False, "error": str(refused)}

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        if "hello" in request:
            if request["hello"] != 1:
                raise Refused("hello must be 1, the only version of the protocol")
            return self.hello()
        if "classify" in request:
            return self._classify(request["classify"])
        for name, sentence in UNSUPPORTED.items():
            if name in request:
                raise Refused(f"{name} {sentence}")
        raise Refused("the message asks for nothing that is known; it must have hello or classify")

    def hello(self) -> dict[str, Any]:
        """Model and project, with every field that Edge Impulse's clients in Python, Node, Go and Rust read.

        There is no `features_shm`: it would save a client the packing of some 20 KB, and cost a segment of memory that
        outlives a killed runner and can serve one client only.
        """
        size, labels = self._network.size, self._info["labels"]
        parameters = {
            "model_type": "classification", "sensor": CAMERA, "inferencing_engine": TENSORFLOW_LITE,
            "image_input_width": size, "image_input_height": size, "image_input_frames": 1, "image_channel_count": 1,
            "image_resize_mode": "squash", "input_features_count": size * size, "axis_count": 1,
            "frequency": 0, "interval_ms": 1, "slice_size": size * size // 4, "use_continuous_mode": False,
            "labels": labels, "label_count": len(labels), "threshold": 0, "thresholds": [],
            "has_anomaly": 0, "has_visual_anomaly_detection": False, "has_object_tracking": False,
            "has_performance_calibration": False,
        }  # fmt: skip
        project = {"id": 0, "owner": "", "name": self._info["name"], "deploy_version": 1}
        return {"model_parameters": parameters, "project": project}

    def _classify(self, features: object) -> dict[str, Any]:
        start = time.perf_counter()
        scores = self._network.classify(features)
        elapsed_ms = round(1000 * (time.perf_counter() - start))  # whole numbers: the Rust client takes no others
        return {
            "result": {"classification": dict(zip(self._info["labels"], scores, strict=True))},
            "timing": {"dsp": 0, "classification": elapsed_ms, "anomaly": 0, "json": 0, "stdin": 0},
        }


def encode(answer: dict[str, Any]) -> bytes:
    """A response as Edge Impulse's own runners end it: a line feed, for which the Rust client waits, and NUL, for the Python one."""
    return json.dumps(answer).encode() + b"\n\0"


def _read(message: bytes) -> dict[str, Any]:
    try:
        request = json.loads(message.decode())
    except (ValueError, RecursionError):
        raise Refused("the message is not JSON in UTF-8, or is nested too deeply") from None
    if not isinstance(request, dict):
        raise Refused("the message is not a JSON object")
    return request
