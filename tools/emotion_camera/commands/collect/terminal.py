"""A session by keys in the terminal, without a browser."""

from __future__ import annotations

import shutil
import sys
import threading

from emotion_camera.commands.collect.keys import single_keys, take_key
from emotion_camera.commands.collect.session import Session, State
from emotion_camera.terminal import printable

POLL_S = 0.2  # between two updates while no key is pressed
UNDO = ("u", "\x7f", "\b")


def collect_by_keys(session: Session, over: threading.Event) -> None:
    """Show the session in a line and act on keys until `over`, the session's end or q."""
    said = agreed = None
    with single_keys():
        while not over.is_set() and session.failed is None:
            state = session.state()
            if state.agreed != agreed:
                agreed = state.agreed
                _print(_keys(state))
            if state.said and state.said != said:
                _print(state.said)
            said = state.said
            _show(_line(state))
            try:
                key = take_key(POLL_S)
            except EOFError:
                break
            if key == "q":
                break
            if key:
                said = None
                if key == "n" and not state.agreed:
                    _print("Nothing was stored of this person.")
                    break
                if not _act(session, state, key) and key.isprintable():
                    _print(f"{key} is no key here. {_keys(state)}")
        _show("")


def _act(session: Session, state: State, key: str) -> bool:
    """Whether the key means something."""
    if not state.agreed:
        if key == "y":
            session.agree(state.person)
        return key == "y"
    if key in UNDO:
        session.undo()
    elif key == "n":
        session.next_person()
    elif key.isdecimal() and 0 < int(key) <= len(state.labels):
        session.store(state.labels[int(key) - 1])
    else:
        return False
    return True


def _keys(state: State) -> str:
    if not state.agreed:
        return "keys: y: yes, n: no, q: quit"
    labels = ", ".join(f"{number} {label}" for number, label in enumerate(state.labels[:9], 1))
    return f"keys: {labels}; u: undo, n: another person, q: quit"


def _line(state: State) -> str:
    if not state.agreed:
        return f"Does the person agree that pictures of their face are stored in {state.folder}? y: yes, n: no"
    if state.trouble:
        return state.trouble
    counts = "  ".join(f"{label} {count}/{state.target}" for label, count in state.counts.items())
    face = state.match.face if state.match else None
    seen = (f"{face.emotion} {face.score:.0%}" if face.emotion else face.word) if face else "no face"
    return f"[{seen}]  {counts}  next: {state.wanted}"


def _print(line: str) -> None:
    print(f"\r\033[K{printable(line)}", flush=True)


def _show(line: str) -> None:
    """Replace the line that was shown before."""
    room = shutil.get_terminal_size().columns - 1
    sys.stdout.write(f"\r\033[K{printable(line)[:room]}")
    sys.stdout.flush()
