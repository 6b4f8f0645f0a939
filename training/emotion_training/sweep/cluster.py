"""How a sweep meets Ray: the only part that imports it."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import emotion_camera
from emotion_camera.errors import UserError, install_line

import emotion_training
from emotion_training.fit.distillation import SoftTargets
from emotion_training.fit.run_folder import Trainable
from emotion_training.sweep import worker

# What a machine of a cluster must be sent.
PACKAGES = [Path(emotion_training.__file__).parent, Path(emotion_camera.__file__).parent]


def find(address: str | None) -> ModuleType:
    """Ray, silent about itself; UserError where it is not installed."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address is None:
        # By this Ray listens on 127.0.0.1 alone, on any system; it takes a loopback address that it is told for a mistake.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        import ray
    except ImportError as error:
        raise UserError(f"a sweep needs Ray: {install_line('sweep')}") from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    return ray


def _check_address(address: str) -> None:
    """UserError where nothing listens at HOST:PORT: Ray would wait there for ever."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"--address: {address!r} is not HOST:PORT; give the address that ray start --head names")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise UserError(
            f"{address}: no Ray cluster answers ({error.strerror or error}); start one there by ray start --head"
        ) from error


def _backend() -> dict[str, str]:
    """Keras's backend, where one is chosen: all machines train by the same."""
    return {name: value for name, value in os.environ.items() if name == "KERAS_BACKEND"}


@contextmanager
def connected(ray: ModuleType, address: str | None) -> Iterator[None]:
    """A block in which Ray is there, on this machine alone or on the cluster at an address; UserError where it is not."""
    if address is not None:
        _check_address(address)
    try:
        ray.init(
            address=address or "local",
            include_dashboard=None if address else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"py_modules": [str(package) for package in PACKAGES], "env_vars": _backend()},
        )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        advice = "see that memory and disk have room"
        if address is not None:
            advice = f"first join it by ray start --address {address}, with the cluster's token in ~/.ray/auth_token"
        raise UserError(
            f"{address or 'this machine'}: Ray does not start ({first_sentence(error)}); {advice}"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def first_sentence(error: BaseException) -> str:
    """What an error says, without the paragraphs of advice that Ray's have."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0].rstrip(".")


def queue(ray: ModuleType) -> Any:
    """A queue in a process of its own on this machine, which no other machine's death can empty."""
    from ray.util.queue import Queue
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})


def on_node(task: worker.Task, data: tuple[Trainable, SoftTargets | None], queue: Any) -> dict[str, Any]:
    """What Ray calls on a machine: a run, its reports put into the queue."""
    import ray

    machine = ray.util.get_node_ip_address()
    # Queue.put would wait for its answer, and Ray lends the cores of one who waits to the next run. A report that is lost
    # on its way costs no more than its epoch.
    return worker.train(task, *data, lambda report: queue.actor.put.remote((machine, report)))
