"""The command line of `deploy`, and what it does to a camera."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from emotion_camera.boards import board_by_arch
from emotion_camera.camera.inspection import compiled_of, digest, hashes, known_files
from emotion_camera.camera.repl import Repl, Unplugged, open_repl
from emotion_camera.commands.deploy import host_backup
from emotion_camera.commands.deploy.atomic_update import (
    BOOT,
    KEPT,
    NEW,
    UNFINISHED,
    Kept,
    go_back,
    is_own_boot,
    missing_room,
    previous,
    put_boot,
    replace_in_place,
    stage,
    switch,
)
from emotion_camera.commands.deploy.selection import board_name, files_for
from emotion_camera.errors import UserError
from emotion_camera.files import Files
from emotion_camera.model.bundle import SET
from emotion_camera.model.tflite import describe
from emotion_camera.terminal import print_line

WAIT_S = 30
BOOT_S = 2  # for boot.py of a camera that was reset
UNCHANGED = "nothing on the camera was changed"
STANDS_STILL = "its program may stand still; unplug the camera and plug it in again"
AGAIN = "the same command goes on"
ROLL_BACK = "emotion-camera deploy --rollback"

EXAMPLES = """
examples:
  emotion-camera deploy                        the camera on USB gets the program and the model for its board
  emotion-camera deploy --port /dev/ttyACM1    one of several cameras; COM3 on Windows
  emotion-camera deploy --model mine.tflite    a model of your own, its labels beside it in mine.txt
  emotion-camera deploy --list                 what is on the camera
  emotion-camera deploy --dry-run              what would be copied
  emotion-camera deploy --rollback             the files that were there before the last time; again undoes it
  emotion-camera deploy --port simulator       the same on a simulated camera, kept in .simulated-camera/

Close OpenMV IDE first, for it keeps the port to itself. The settings on the camera, emotion.json, stay as they are.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments and help."""
    parser.description = (
        "Put the camera program and a model on a camera: checked there, started, and taken back if they do not run. "
        "If the cable is pulled at any moment, the camera holds the old files or the new ones, whole."
    )
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--port", help="the camera's port, or simulator[:BOARD] (default: the one OpenMV camera on USB)")
    add("--model", type=Path, metavar="FILE", help="a .tflite with its labels beside it in a .txt")
    add("--wait", type=_seconds, default=WAIT_S, metavar="S", help=f"seconds for it to get ready (default: {WAIT_S})")
    add("--in-place", action="store_true", help="replace each file where there is no room for old and new ones")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--list", action="store_true", help="list the files on the camera, and change nothing")
    action.add_argument("--dry-run", action="store_true", help="list what would be copied, and change nothing")
    action.add_argument("--rollback", action="store_true", help="swap the previous files and the present ones")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 1 <= seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text!r}: give 1 to 600 seconds")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    """Does what is asked for; UserError with a sentence for what can't be done."""
    model: Path | None = arguments.model
    if model is not None:
        describe(model)  # what is no model at all is told before the camera's program is stopped
    through = False
    try:
        with closing(open_repl(arguments.port)) as camera:
            _print_camera(camera)
            if arguments.list:
                _print_list(camera)
            elif arguments.rollback:
                roll_back(camera, arguments.wait)
            else:
                files = files_for(camera, model)
                deploy(camera, files, wait_s=arguments.wait, in_place=arguments.in_place, dry_run=arguments.dry_run)
            through = True
    except Stopped:
        raise
    except KeyboardInterrupt as stop:
        if isinstance(stop.__context__, UserError):
            print_line(stop.__context__, sys.stderr)
        closing_down = through or stop.__context__ is not None  # its program was being started again
        _say_stopped(STANDS_STILL if closing_down else UNCHANGED)
        raise Stopped from None
    return 0


class Stopped(KeyboardInterrupt):
    """Ctrl-C, and the person was told what is on the camera now."""


def _say_stopped(state: str) -> None:
    """At once: it can take a while until the camera's program is started again."""
    print(f"\nstopped: {state}", file=sys.stderr, flush=True)


def _print_camera(camera: Repl) -> None:
    info = camera.info
    print_line(f"{board_name(info)} on {camera.port}: firmware {info.firmware}, {info.heap // 1000:,} KB of memory")
    where = "the SD card that is in it" if info.has_card else "its own flash"
    print(f"it starts from {where}, which has {info.free / 1000:,.1f} KB free", flush=True)


def deploy(
    camera: Repl, files: Files, *, wait_s: float = WAIT_S, in_place: bool = False, dry_run: bool = False
) -> None:
    """Puts `files` on the camera and starts it; UserError when they don't run, with the previous ones back on it."""
    there = hashes(camera, list(files))
    changed = {name: data for name, data in files.items() if there.get(name) != digest(data)}
    for name, data in changed.items():
        print(f"  {'would copy ' if dry_run else ''}{name}: {len(data):,} bytes", flush=True)
    if not changed:
        print("nothing to copy: the camera holds these files already", flush=True)
    allowed = in_place or set(there) != set(files)  # there is no complete set that could be lost
    one_by_one = bool(changed) and _must_replace(camera, changed, list(files), allowed)
    if dry_run:
        how = " each would be replaced by itself, for there is no room for old and new ones;" if one_by_one else ""
        print(f"this was a dry run:{how} {UNCHANGED}", flush=True)
        return
    if one_by_one:
        with _lost(f"{UNCHANGED}; {AGAIN}"):
            host_backup.keep(camera, list(files))
        with _lost("it does not work until the same command has gone on to its end"):
            replace_in_place(camera, changed)
    elif changed:
        with _lost(f"it has its old files, or the new ones, whole; {AGAIN}"):
            stage(camera, changed, list(files))
            switch(camera, NEW, list(changed))
    undo = f"; {ROLL_BACK} puts the previous ones back" if changed else ""
    with _lost(f"it has the new files, and did not get ready yet{undo}"):
        trouble = _start(camera, digest(files["emotion.tflite"]), wait_s)
    if trouble is None:
        print("ready: the program runs with this model", flush=True)
    elif changed:
        _take_back(camera, trouble, wait_s)
    else:
        raise UserError(f"the program does not get ready: {trouble}")


@contextlib.contextmanager
def _lost(state: str) -> Iterator[None]:
    """Where the camera is lost, or Ctrl-C comes, what is on it then, and what to do, belong into the sentence."""
    try:
        yield
    except Unplugged as error:
        raise Unplugged(f"{error}; {state}") from None
    except KeyboardInterrupt:
        _say_stopped(state)
        raise Stopped from None


def _must_replace(camera: Repl, changed: Files, names: list[str], allowed: bool) -> bool:
    """Whether the files can only be replaced one by one; UserError where that was not `allowed`, or they don't fit at all."""
    short, own_boot = missing_room(camera, changed, names), is_own_boot(camera)
    if not short and own_boot:
        return False
    if short and not allowed:
        raise UserError(
            f"the camera's disk is {short:,} bytes too small for the old and the new files: put an SD card in, or use "
            "--in-place: it replaces file by file, and if the cable is pulled meanwhile the camera does not work until you "
            "run it again"
        )
    if not allowed:
        raise UserError(
            "boot.py on the camera is your own, and deploy needs its place to end a change that was broken off: rename it, "
            "or use --in-place: if the cable is pulled then, the camera does not work until you run it again"
        )
    host_backup.check_room(camera, changed)
    return True


def _start(camera: Repl, sha256: str, wait_s: float) -> str | None:
    """Restarts the camera; None when its program gets ready with this model, otherwise what it printed instead."""
    from emotion_camera.reports.check import ReportParser
    from emotion_camera.reports.parse import EventReport

    camera.reset()
    trouble, parser = "it prints nothing", ReportParser()
    for line in camera.lines(wait_s):
        report = parser.parse(line) if line else None
        if isinstance(report, EventReport) and report.fields.get("sha256"):
            if report.fields["sha256"] != sha256:
                trouble = f"it runs another model ({str(report.fields['sha256'])[:12]})"
            elif report.fields.get("selftest") in ("ok", "none"):
                if problem := report.fields.get("problem"):
                    print_line(f"the camera says: {problem}")
                return None
        elif isinstance(report, EventReport):
            problem = report.message if report.event == "error" else report.fields.get("problem")
            trouble = problem or trouble
        elif line and "Error" in line and "Error" not in trouble:  # at the REPL "status" is an error, too
            trouble = line
        elif line and line.endswith(">>>"):  # the REPL: the program has ended
            break
    return trouble.rstrip(".")


def _take_back(camera: Repl, trouble: str, wait_s: float) -> None:
    """Puts the previous set back; always raises UserError, with what came of it."""
    with _lost(f"the new files are on it, and do not get ready ({trouble}); {ROLL_BACK} puts the previous ones back"):
        camera.reconnect()
        found = _previous_set(camera)
    if found is None:
        raise UserError(
            f"the new program does not get ready: {trouble}; there is no previous set to put back, so it stays on the camera"
        )
    again = _put_back(camera, found, wait_s)
    end = "the previous files are back and run" if again is None else f"the previous files are back, but: {again}"
    raise UserError(f"the new program does not get ready: {trouble}; {end}")


def _previous_set(camera: Repl) -> Kept | Files | None:
    """The set to go back to: one that differs from the present files, on the camera or else on this computer, if there is one."""
    kept, on_host = previous(camera), host_backup.files(camera)
    if kept is None or (on_host and _is_present(camera, kept.names)):
        return on_host or None
    return kept


def _is_present(camera: Repl, names: dict[str, str]) -> bool:
    return hashes(camera, list(names)) == names


def _hashes_of(found: Kept | Files) -> dict[str, str]:
    return found.names if isinstance(found, Kept) else {name: digest(data) for name, data in found.items()}


def _put_back(camera: Repl, found: Kept | Files, wait_s: float, keeps_present: bool = False) -> str | None:
    """Puts a set back and restarts the camera; see `_start` for the result. The present one is kept in its place if asked for."""
    present = [name for name in SET if name in camera.files()]
    if isinstance(found, Kept):
        with _lost(f"it has the files from before, or the previous ones, whole; {ROLL_BACK} goes on, or undoes it"):
            if not (keeps_present and go_back(camera, found, present)):
                if keeps_present:
                    host_backup.keep(camera, present)
                put_boot(camera)
                switch(camera, found.folder, list(found.names))
    else:
        with _lost(f"it does not work until {ROLL_BACK} has gone on to its end"):
            aside = keeps_present and (host_backup.set_aside(camera, present) or UNFINISHED in camera.files())
            replace_in_place(camera, found)
            if aside:
                host_backup.take_over(camera)
    with _lost("the previous files are on it, and did not get ready yet"):
        names = _hashes_of(found)
        if "emotion.tflite" not in names:  # another program, whose output is not known here
            camera.reset()
            for _ in camera.lines(BOOT_S):
                pass
            camera.reconnect()
            return None if _is_present(camera, names) else "boot.py has not copied them: reset the camera"
        return _start(camera, names["emotion.tflite"], wait_s)


def roll_back(camera: Repl, wait_s: float) -> None:
    """Swaps the previous set and the present one, so that a second time undoes it; UserError when there is none, or it does
    not run."""
    with _lost(UNCHANGED):
        found = _previous_set(camera)
        if found is None:
            raise UserError("there is no previous set: deploy keeps one whenever it replaces files")
        same = _is_present(camera, _hashes_of(found))
    if same:
        print("nothing to copy: the camera holds its previous files already", flush=True)
    trouble = _put_back(camera, found, wait_s, keeps_present=not same)
    if trouble is not None:
        raise UserError(
            f"the previous files are back, but they do not get ready: {trouble}; {ROLL_BACK} again undoes it"
        )
    print("the previous files are back" + ("" if same else "; --rollback again undoes it"), flush=True)


def _print_list(camera: Repl) -> None:
    known = known_files() | {"boot.py": {digest(BOOT.read_bytes()): f"{BOOT.parent.name}/{BOOT.name}"}}
    if not any(camera.files(folder) for folder in ("", *KEPT, NEW)):
        print("  no files are on it", flush=True)
    for folder in ("", *KEPT, NEW):
        for name, size in sorted(camera.files(folder).items()):
            path = f"{folder}/{name}" if folder else name
            value = camera.sha256(path) or ""
            what = known.get(name, {}).get(value) or _compiled(camera, path) or _what(name, folder)
            print_line(f"  {path:30} {size:>9,}  {value[:12]}  {what}".rstrip())


def _compiled(camera: Repl, path: str) -> str | None:
    """Of which model of this version Vela made a file; only an AE3 is asked, for the whole file is read."""
    board = board_by_arch(camera.info.arch)
    asked = board and board.neural_processor and path.endswith(".tflite")
    return compiled_of(camera.read(path)) if asked else None


def _what(name: str, folder: str) -> str:
    if name == "emotion.json":
        return "the settings"
    if name == UNFINISHED:
        return "deploy was broken off: run it again"
    if folder:
        return "of a set that --rollback can put back" if folder in KEPT else "a copy that was broken off"
    return "not of this version" if name in SET else ""
