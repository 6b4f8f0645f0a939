"""Publishes emotions to an MQTT broker, where Home Assistant finds them by itself. From the repository's folder:

    python -m examples.mqtt [PORT [BROKER[:NUMBER] [NAME]]]

Without PORT, or with "", it finds the camera on USB; "simulator" needs none. BROKER is localhost unless it is given; one that
wants a user has it from the environment variables MQTT_USER and MQTT_PASSWORD. NAME keeps several cameras apart.

    emotion/<id>                        a face's emotion, when it changes
    emotion_camera/<NAME>/state         the largest face as JSON, when its emotion changes and once a second
    emotion_camera/<NAME>/face          ON, as often, while a face is in view
    emotion_camera/<NAME>/availability  online, or offline: the broker says so, too, when this program dies; retained
    homeassistant/...                   the description of these for Home Assistant's MQTT integration; retained

To change: BROKER, the topics, what is sent, and DISCOVERY; with "" nothing is sent to Home Assistant.
"""

import json
import os
import queue
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

from emotion_camera import __version__
from emotion_camera.camera import read_reports
from emotion_camera.errors import UserError, install_line
from emotion_camera.reports import FacesReport
from emotion_camera.reports.parse import EventReport, Face, labels_of
from emotion_camera.terminal import printable

try:
    from paho.mqtt.client import CallbackAPIVersion, Client
except ModuleNotFoundError:
    sys.exit(f"paho-mqtt is not installed: {install_line('examples')}")

BROKER = "localhost"
NAME = "emotion_camera"
DISCOVERY = "homeassistant"  # Home Assistant's own setting is the same
UNSURE = "not sure"
EVERY_S = 1  # the state is sent this often while a face is in view,
GONE_S = 5  # and Home Assistant takes it for gone when none came for so long
PATIENCE_S = 10  # for the broker's answer


class Publisher:
    """What is published of one camera. `node` is part of topics and ids: letters, digits, _ and - alone."""

    def __init__(self, client: Client, name: str) -> None:
        self.client, self.name = client, printable(name, longest=40)
        self.node = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:40] or NAME
        self.topic = f"emotion_camera/{self.node}"
        self.about: dict[str, Any] = {}  # of the camera: board, program
        self.labels: tuple[str, ...] = ()
        self.dimensions = False  # whether the camera tells valence and arousal
        self.last: dict[int, str | None] = {}  # each face's emotion
        self.sent = -1.0  # when the state was, in s
        client.will_set(f"{self.topic}/availability", "offline", retain=True)

    def online(self) -> None:
        """After each connection: a broker that was restarted knows nothing."""
        self.client.publish(f"{self.topic}/availability", "online", retain=True)
        for topic, config in self.discovery() if DISCOVERY else ():
            self.client.publish(topic, json.dumps(config), retain=True)

    def event(self, report: EventReport) -> None:
        about = {name: report.fields.get(name, "") for name in ("board", "program")}
        if labels_of(report) and (about, labels_of(report)) != (self.about, self.labels):
            self.about, self.labels = about, labels_of(report)
            self.online()

    def faces(self, report: FacesReport) -> None:
        for face in report.faces:
            if face.emotion != self.last.get(face.id):
                self.client.publish(f"emotion/{face.id}", face.emotion or UNSURE)
        largest, now = report.faces[0], time.monotonic()
        if largest.valence is not None and not self.dimensions:
            self.dimensions = True
            self.online()
        if largest.emotion != self.last.get(largest.id) or now - self.sent >= EVERY_S:
            self.sent = now
            self.client.publish(f"{self.topic}/face", "ON")
            self.client.publish(f"{self.topic}/state", json.dumps(state(largest)))
        self.last = {face.id: face.emotion for face in report.faces}

    def discovery(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Topic and description of each entity: https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery"""
        options = {"device_class": "enum", "options": [*self.labels, UNSURE]} if self.labels else {}
        yield self.entity("sensor", "emotion", {"name": "Emotion", "icon": "mdi:emoticon-outline", **options})
        yield self.entity(
            "sensor", "score", {"name": "Score", "unit_of_measurement": "%", "state_class": "measurement"}
        )
        for name in ("valence", "arousal") if self.dimensions else ():
            yield self.entity("sensor", name, {"name": name.capitalize(), "state_class": "measurement"})
        yield self.entity("binary_sensor", "face", {"name": "Face in view", "device_class": "occupancy"})

    def entity(self, kind: str, what: str, fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if kind == "sensor":
            source = {
                "state_topic": f"{self.topic}/state",
                "value_template": f"{{{{ value_json.{what} }}}}",
                "expire_after": GONE_S,
            }
        else:
            source = {"state_topic": f"{self.topic}/{what}", "off_delay": GONE_S}
        board, program = (printable(self.about.get(it, ""), longest=40) for it in ("board", "program"))
        device = {"identifiers": [self.node], "name": self.name, "manufacturer": "OpenMV"}
        device |= {key: it for key, it in (("model", board), ("sw_version", program)) if it}
        return f"{DISCOVERY}/{kind}/{self.node}/{what}/config", {
            **fields,
            **source,
            "unique_id": f"{self.node}_{what}",
            "availability_topic": f"{self.topic}/availability",
            "device": device,
            "origin": {"name": "emotion-camera", "sw_version": __version__},
        }


def state(face: Face) -> dict[str, Any]:
    """The score in percent; valence and arousal from -1 to 1, null where the camera does not tell them, as why there is no name."""
    dimensions = {"valence": face.valence, "arousal": face.arousal, "why": face.why}
    return {"emotion": face.emotion or UNSURE, "score": round(100 * face.score), "face": face.id, **dimensions}


def connect(client: Client, publisher: Publisher, broker: str) -> None:
    """To the broker; again by itself when it is lost. UserError where it can't."""
    host, _, number = broker.partition(":")
    answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def on_connect(client: Client, data: object, flags: object, reason: Any, properties: object) -> None:
        if not reason.is_failure:
            publisher.online()
        answers.put(str(reason) if reason.is_failure else None)

    client.on_connect = on_connect
    if user := os.environ.get("MQTT_USER"):
        client.username_pw_set(user, os.environ.get("MQTT_PASSWORD"))
    try:
        client.connect(host, int(number or 1883))
        client.loop_start()
        refused = answers.get(timeout=PATIENCE_S)
    except (OSError, ValueError, queue.Empty) as error:
        raise UserError(f"no MQTT broker answers on {broker}: start it, or give another address ({error})") from None
    if refused:
        raise UserError(f"the MQTT broker on {broker} refuses ({refused}): set MQTT_USER and MQTT_PASSWORD")


def main(port: str | None = None, broker: str = BROKER, name: str = NAME) -> None:
    client = Client(CallbackAPIVersion.VERSION2)
    publisher = Publisher(client, name)
    try:
        connect(client, publisher, broker)
        for report in read_reports(port or None):
            publisher.faces(report) if isinstance(report, FacesReport) else publisher.event(report)
    finally:
        if client.is_connected():
            client.publish(f"{publisher.topic}/availability", "offline", retain=True).wait_for_publish(PATIENCE_S)
        client.disconnect()
        client.loop_stop()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:4])
    except (UserError, KeyboardInterrupt) as stop:
        sys.exit(str(stop))
