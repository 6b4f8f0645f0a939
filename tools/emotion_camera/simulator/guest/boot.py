# mypy: ignore-errors
"""Starts the camera program in a process of its own: the firmware's modules, the disks, the heap, then main.py.

Run as `micropython -X heapsize=N boot.py PORT`, or by CPython; the link's token comes in the environment.
"""

import gc
import io
import sys

try:
    from os import getenv
except ImportError:
    getenv = None

import files
import floats
import heap
import modules
from client import Client

BOOT = "boot.py"
OWN = ("client", "clock", "disks", "files", "floats", "hardware", "heap", "link", "modules", "networks", "pictures")


def run_program(path: str, rewritten: str | None) -> tuple:
    """Run `path` as the camera does; why it ended and what to say about it. `rewritten`: its source for 30-bit floats."""
    scope = {"__name__": "__main__", "__file__": path}
    try:
        if rewritten is not None:
            scope.update(floats.install())
        execute(path if rewritten is None else rewritten, scope, rewritten is not None)
    except SystemExit:
        return "finished", "the program called sys.exit()"
    except BaseException as error:
        scope.clear()  # when the heap is full, there is room again to say so
        return failed(error)
    return "finished", "the program came to its end"


def execute(path: str, scope: dict, on_host: bool = False) -> None:
    """Run the program in `path`, which CPython finds on the host where it is no file of the camera's."""
    if sys.implementation.name == "micropython":
        execfile(path, scope)  # noqa: F821
    else:
        with (io.open if on_host else open)(path) as file:
            exec(compile(file.read(), path, "exec"), scope)


def failed(error: BaseException) -> tuple:
    """Prints an exception that nobody caught; why the program ended and what to say about it."""
    gc.collect()
    print_error(error)
    stopped = isinstance(error, KeyboardInterrupt)
    return "stopped" if stopped else "exception", "%s: %s" % (type(error).__name__, error)


def run_boot(config: dict) -> tuple | None:
    """Run boot.py, where there is one; why main.py does not run, None where it does."""
    try:
        open(BOOT).close()
    except OSError:
        return None
    try:
        execute(BOOT, {"__name__": "__main__", "__file__": BOOT})
    except SystemExit:
        return ("finished", "boot.py called sys.exit()") if config["exit_in_boot_is_final"] else None
    except BaseException as error:
        reason, message = failed(error)
        return reason, "boot.py: " + message
    return None


def print_error(error: BaseException) -> None:
    """The traceback as the camera prints it: the stand-ins' own lines are none of the program's."""
    text = io.StringIO()
    sys.print_exception(error, text)
    own = __file__[: -len("boot.py")]
    for line in text.getvalue().rstrip().split("\n"):
        if own not in line:
            print(line.replace(files.REWRITTEN + "/", ""))


def main() -> None:
    camera = Client(int(sys.argv[1]), getenv("SIMULATOR_TOKEN"))
    config = camera.config
    modules.install(camera)
    for name in OWN:
        del sys.modules[name]
    files.mount(camera)
    rewritten = files.mount_rewritten(config["rewritten"], config["program"])
    kept = heap.limit_heap(config["heap"])
    reason, message = (config["boot"] and run_boot(config)) or run_program(config["program"], rewritten)
    del kept
    camera.end(reason, message)


main()
