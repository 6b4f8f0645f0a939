"""Serves the services of one project on this computer's own address, in a thread."""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
import threading
from pathlib import Path
from types import TracebackType

from aiohttp import web
from aiohttp.typedefs import Handler
from emotion_camera.errors import UserError

from fake_studio import ingestion, studio_api
from fake_studio.faults import Faults
from fake_studio.project import Project

ADDRESS = "127.0.0.1"
MOST_BYTES = 256_000_000  # of a request that is read whole, such as a model


class FakeStudio:
    """Serves while the context lasts, on `port` or any free one. UserError when the port is taken.

    `ingestion` and `studio` are the two addresses, `key` is the project's key, new each time, and `environment` are the
    three variables by which Edge Impulse's SDK and these tools find all that. `project` is what was sent, `faults` what
    is to go wrong. With a `folder`, pictures are kept there as files, too.
    """

    def __init__(self, folder: Path | None = None, port: int = 0) -> None:
        self.key = f"ei_{secrets.token_hex(32)}"
        self.project, self.faults = Project(folder), Faults()
        self.ingestion = self.studio = ""
        self.environment: dict[str, str] = {}
        self._port = port
        self._failed: OSError | None = None
        self._ready, self._over = threading.Event(), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> FakeStudio:
        self._thread.start()
        self._ready.wait()
        if self._failed:
            why = os.strerror(self._failed.errno or 0)
            raise UserError(f"port {self._port} can't be had ({why}): give another with --port")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._loop
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failed = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        application = web.Application(middlewares=[self._guard], client_max_size=MOST_BYTES)
        application.add_routes(ingestion.routes(self.project, self.faults))
        application.add_routes(studio_api.routes(self.project))
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, ADDRESS, self._port).start()
            self._name_addresses(runner.addresses[0][1])
            self._ready.set()
            await self._over.wait()
        finally:
            await runner.cleanup()

    def _name_addresses(self, port: int) -> None:
        self.ingestion = f"http://{ADDRESS}:{port}"
        self.studio = f"{self.ingestion}/v1"
        addresses = {"EI_INGESTION_ENDPOINT": self.ingestion, "EI_API_ENDPOINT": self.studio}
        self.environment = {**addresses, "EI_API_KEY": self.key}

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answers nobody without the key, and spoils what is to be spoilt."""
        try:
            if not hmac.compare_digest(request.headers.get("x-api-key", "").encode(), self.key.encode()):
                await request.read()  # a client that still sends would see a cut connection in place of the answer
                return ingestion.refusal(401, "Invalid API key")
            self.project.requests += 1
            return await self.faults.play(request, handler)
        except ConnectionResetError:  # the client has gone
            return web.Response()
