"""What goes wrong, on purpose: each fault spoils one request, in the order in which they were asked for."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler


@dataclass(frozen=True)
class Fault:
    """Answers `status` if there is one, or cuts the connection before or after the request is done, or is slow: half of
    `slow_s` goes by before the request is read, the other half before it is answered."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str = ""
    cut_before: bool = False
    cut_after: bool = False
    slow_s: float = 0


class Faults:
    """The faults to come: `faults.add(Fault(status=503), times=2)`. `refused` has answers for single files by their name."""

    def __init__(self) -> None:
        self.to_come: deque[Fault] = deque()
        self.refused: dict[str, str] = {}

    def add(self, fault: Fault, times: int = 1) -> None:
        """Spoils the next requests that no other fault spoils."""
        self.to_come.extend([fault] * times)

    async def play(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Does what the next fault says, or nothing."""
        if not self.to_come:
            return await handler(request)
        fault = self.to_come.popleft()
        await asyncio.sleep(fault.slow_s / 2)
        if fault.status:
            await request.read()  # a client that still sends would see a cut connection in place of the answer
            error = fault.text or f"HTTP {fault.status}"
            return web.json_response({"success": False, "error": error}, status=fault.status, headers=fault.headers)
        answer = web.Response() if fault.cut_before else await handler(request)
        await asyncio.sleep(fault.slow_s / 2)
        if (fault.cut_before or fault.cut_after) and request.transport:
            request.transport.abort()
        return answer
