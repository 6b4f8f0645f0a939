"""The ingestion service: POST /api/{training,testing,split}/files with pictures in fields called `data`.

What is answered, and where that was read: the fields of an answer in Edge Impulse's own clients; that an answer names files
by their place in the request alone, and the text about a duplicate, in what users report of the service; the limits and
the codes 400 and 401 in its documentation.
"""

from __future__ import annotations

import json
from email import message_from_string
from email.message import Message
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from fake_studio.faults import Faults
from fake_studio.project import Duplicate, Project

MOST_FILES = 1000
MOST_BYTES = 100_000_000  # of one file
ENDINGS = (".png", ".jpg", ".jpeg")


def routes(project: Project, faults: Faults) -> list[web.RouteDef]:
    """The service's routes."""

    async def files(request: web.Request) -> web.Response:
        sent = await _files(request)
        if not sent or len(sent) > MOST_FILES:
            return refusal(400, f"a request holds 1 to {MOST_FILES} files in fields called data, this one {len(sent)}")
        try:
            metadata = json.loads(request.headers.get("x-metadata", "{}"))
        except ValueError:
            return refusal(400, "x-metadata is not JSON")
        answers = []
        for name, data in sent:
            error = faults.refused.get(name) or _what_is_wrong(name, data)
            answers.append(_no(error) if error else _stored(project, request, metadata, name, data))
        return web.json_response({"success": True, "files": answers})

    return [web.post("/api/{category:training|testing|split}/files", files)]


def refusal(status: int, error: str) -> web.Response:
    """An answer that nothing was done."""
    return web.json_response(_no(error), status=status)


async def _files(request: web.Request) -> list[tuple[str, bytes]]:
    """Names and bytes of the fields called data. Not by aiohttp's own reader: Edge Impulse's SDK says of each field's content
    that it is multipart, too, and that reader would look for fields within."""
    kind = Message()
    kind["content-type"] = request.headers.get("content-type", "")
    boundary = b"\r\n--" + (kind.get_boundary() or "").encode()
    found = []
    for part in (b"\r\n" + await request.read()).split(boundary)[1:-1]:
        head, _, data = part.lstrip(b"\r\n").partition(b"\r\n\r\n")
        field = message_from_string(head.decode())
        name = field.get_filename()
        if name and field.get_param("name", header="content-disposition") == "data":
            found.append((name, data))
    return found


def _what_is_wrong(name: str, data: bytes) -> str | None:
    if not name.lower().endswith(ENDINGS):
        return f"Unsupported file type, only {', '.join(ENDINGS)} are supported"
    return "File too large, max. size is 100MB" if len(data) > MOST_BYTES else None


def _stored(project: Project, request: web.Request, metadata: dict[str, str], name: str, data: bytes) -> dict[str, Any]:
    label = request.headers.get("x-label")  # Edge Impulse's uploader sends it percent-encoded, its SDK plain
    label = name.partition(".")[0] if label is None else unquote(label)
    unique = "x-disallow-duplicates" in request.headers
    try:
        sample = project.add(name, label, request.match_info["category"], metadata, data, unique)
    except Duplicate as error:
        return _no(str(error))
    stem = name.rpartition(".")[0]
    return {"success": True, "projectId": project.id, "sampleId": sample.id, "fileName": f"{stem}.{sample.sha256[:8]}"}


def _no(error: str) -> dict[str, Any]:
    return {"success": False, "error": error}
