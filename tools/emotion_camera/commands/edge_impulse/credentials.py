"""The API key of a project, which is never printed, and the addresses of Edge Impulse's services."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from urllib.parse import urlsplit

from emotion_camera.errors import UserError, install_line

KEY = "EI_API_KEY"  # where Edge Impulse's own tools look for it, too
# Variables and defaults as in the official SDK.
INGESTION = ("EI_INGESTION_ENDPOINT", "https://ingestion.edgeimpulse.com")
STUDIO = ("EI_API_ENDPOINT", "https://studio.edgeimpulse.com/v1")
INSTALL = install_line("edge-impulse")
ASKED_FOR = ""  # --api-key without a value


def add_key(parser: argparse.ArgumentParser) -> None:
    """Adds --api-key."""
    parser.add_argument(
        "--api-key", nargs="?", const=ASKED_FOR, metavar="KEY",
        help=f"the project's key; without a value it is asked for (default: the variable {KEY})",
    )  # fmt: skip


def hide_key() -> None:
    """Start this program anew with a key that was given as --api-key in the environment: anyone can read a process's arguments.

    Windows shows other people's arguments to nobody but administrators, and can't replace a process: there it stays.
    """
    words = sys.orig_argv
    given = _place_of_key(words)
    if os.name == "nt" or given is None:
        return
    place, key, length = given
    environment = {**os.environ, KEY: key}
    os.execve(sys.executable, [sys.executable, *words[1:place], *words[place + length :]], environment)


def _place_of_key(words: list[str]) -> tuple[int, str, int] | None:
    """Where a key stands in a command line, the key, and over how many words."""
    for place, word in enumerate(words):
        if word.startswith("--api-key="):
            return place, word.partition("=")[2], 1
        if word == "--api-key" and place + 1 < len(words) and not words[place + 1].startswith("-"):
            return place, words[place + 1], 2
    return None


def api_key(arguments: argparse.Namespace) -> str:
    """The key of the project; UserError where none is given or it can't be one."""
    key = arguments.api_key
    if key == ASKED_FOR:
        key = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
    key = (key or os.environ.get(KEY, "")).strip()
    if not key:
        raise UserError(f"no API key: set {KEY}, or give --api-key; Studio shows your project's under Dashboard, Keys")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise UserError("the API key has characters that no key has; copy it again from Studio: Dashboard, Keys")
    return key


def address(service: tuple[str, str]) -> str:
    """The address of INGESTION or STUDIO, without a / at its end. UserError for one that is neither https nor this computer."""
    name, usual = service
    given = os.environ.get(name, usual).rstrip("/")
    parts = urlsplit(given)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme != "https" and not local:
        raise UserError(f"{name}: {given} is not https, and the key would be readable on the way; give https://...")
    return given
