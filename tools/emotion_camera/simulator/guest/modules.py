# mypy: ignore-errors
"""The firmware's modules as the program imports them, as far as this generation has them."""

import sys

import hardware
import heap
import networks
import pictures
from client import Client
from clock import make_time, slow_print

U_NAMES = ("time", "machine", "image", "os")


class module:
    """What the program imports; named so that its AttributeErrors read as the firmware's."""


def install(camera: Client) -> None:
    """Put the firmware's modules where `import` finds them."""
    config = camera.config
    camera.Image = pictures.make_image_class(camera, config["image_methods"], config["not_played"])
    put = {"time": make_time(module, camera.clock), "machine": hardware.make_machine(module, camera)}
    put["omv"] = hardware.make_omv(module, config)
    made = {}  # one module for each owner: some have two names
    for name, owner in config["modules"].items():
        if owner not in made:
            made[owner] = make_module(camera, owner, config["names"][owner], config["constants"].get(owner, {}))
        put[name] = made[owner]
    if config["protocol"]:
        put["protocol"] = hardware.make_protocol(module, camera)
    if "ml" in put:
        put["ml"].preprocessing = put["ml.preprocessing"] = preprocessing = module()
        preprocessing.Normalization = networks.Normalization
    for name in put:
        sys.modules[name] = put[name]
    faults = config["faults"]
    if faults["heap_hog"]:
        camera.clock.alarms.append(heap.Hog(faults["heap_hog"]))
    if faults["print_ms"]:
        slow_print(camera.clock, faults["print_ms"] * 1000)
    for name in U_NAMES:
        if name in sys.modules:
            sys.modules["u" + name] = sys.modules[name]


def make_module(camera: Client, owner: str, names: list, constants: dict) -> object:
    if owner == "tf":
        return networks.make_tf(module, camera)
    m = module()
    m.__name__ = owner
    for name in names:
        setattr(m, name, _function(camera, owner + "." + name))
    for name, value in constants.items():
        setattr(m, name, value)
    if owner == "image":
        m.Image, m.HaarCascade = camera.Image, _cascade(camera)
    if owner == "csi":
        m.CSI = make_csi(camera)
    if owner == "ml":
        m.Model = networks.make_model_class(camera)
    return m


def _function(camera: Client, what: str) -> object:
    def function(*args: object, **kwargs: object) -> object:
        if what == "sensor.snapshot":
            camera.show_channels()
        return camera.call(what, args, kwargs)

    return function


def _cascade(camera: Client) -> object:
    def HaarCascade(*args: object, **kwargs: object) -> pictures.Cascade:
        given = camera.call("image.HaarCascade", args, kwargs)
        if given["file"]:
            with open(given["path"], "rb") as file:
                head = file.read(64)
            camera.call("cascade.check", (str(head, "utf-8") if head.startswith(b"simulated camera") else "",))
        return pictures.Cascade(given["stages"], given["sizes"])

    return HaarCascade


def make_csi(camera: Client) -> type:
    class CSI:
        def __init__(self, *args: object, **kwargs: object) -> None:
            camera.call("csi.CSI", args, kwargs)

    for name in camera.config["names"]["CSI"]:
        setattr(CSI, name, _csi_method(camera, "CSI." + name))
    return CSI


def _csi_method(camera: Client, what: str) -> object:
    def method(self: object, *args: object, **kwargs: object) -> object:
        if what == "CSI.snapshot":
            camera.show_channels()
        return camera.call(what, args, kwargs)

    return method
