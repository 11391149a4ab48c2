"""The sandbox's servers, served for one test on a free loopback port."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from sandbox import credentials
from sandbox.calls import CallLog
from sandbox.clock import VirtualClock
from sandbox.faults import Fault, FaultPlan
from sandbox.server import KEEP_ALIVE_SECONDS, create_app

NOW = datetime(2025, 8, 29, 10, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Served:
    """A running sandbox: where it is, and the levers behind it."""

    url: str
    home: Path
    clock: VirtualClock
    stores: Mapping[str, Any]
    faults: FaultPlan
    calls: CallLog
    credentials: dict[str, Any]

    def fault(
        self, vendor: str, route: str, kind: str, times: int | None = 1, **params: Any
    ) -> None:
        """Plan a fault."""
        self.faults.add(Fault(vendor, route, kind, times=times, params=params))


class PromptServer(uvicorn.Server):
    """Ends as soon as it is told to. uvicorn's own looks for it ten times a second, and waits as
    long again for connections on which nothing happens: longer than most tests take."""

    _loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        self._told = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        tick = 0
        while not await self.on_tick(tick):
            tick += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.server_state.tasks:  # a request is being answered
            await super().shutdown(sockets)
        for listening in self.servers:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()


@contextmanager
def serve(home: Path, clock: VirtualClock) -> Iterator[Served]:
    """Serve the sandbox in ``home``, whose credentials must be there."""
    app = create_app(home, clock)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = PromptServer(
        uvicorn.Config(
            app,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield Served(
            url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            home=home,
            clock=clock,
            stores=app.state.stores,
            faults=app.state.faults,
            calls=app.state.calls,
            credentials=credentials.read(home),
        )
    finally:
        server.stop()
        thread.join(timeout=10)
        listener.close()


@cache
def made_credentials() -> str:
    """Credentials made once per test run: the key in them takes its time."""
    with tempfile.TemporaryDirectory() as home:
        return json.dumps(credentials.write(Path(home)))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve an empty sandbox at ``NOW`` until the test ends."""
    clock = VirtualClock(tmp_path / "clock.json")
    clock.set(NOW)
    (tmp_path / "credentials.json").write_text(made_credentials())
    with serve(tmp_path, clock) as running:
        yield running
