"""All vendors behind one port: ``/<vendor>/...`` as the vendor answers, ``/_sandbox/...`` for us.

=================================  ================================================================
``GET /_sandbox/health``           the vendors that are served
``POST, GET, DELETE .../faults``   plan a fault (the fields of ``Fault``), list them, forget all
``GET, DELETE /_sandbox/calls``    the calls counted by vendor, method, route and status
``GET, PUT /_sandbox/clock``       the virtual clock, ``{"now": "2025-08-29T00:00:00+00:00"}``
=================================  ================================================================
"""

from __future__ import annotations

import dataclasses
import importlib
import re
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox import credentials
from sandbox.calls import CallLog
from sandbox.clock import VirtualClock
from sandbox.faults import Fault, FaultMiddleware, FaultPlan

VENDORS = (
    "salesforce",
    "mixpanel",
    "hubspot",
    "crunchbase",
    "launchdarkly",
    "outreach",
    "google",
    "marketo",
    "app_intelligence",
    "web_rank",
    "zendesk",
    "stripe",
    "webhook",
)

KEEP_ALIVE_SECONDS = 75
"""For uvicorn's ``timeout_keep_alive``: its own 5 seconds end just when a client polls again."""


class SandboxApp(Starlette):
    """A Starlette app whose faults stand outside everything else, next to the server."""

    def __init__(self, routes: list[BaseRoute], faults: FaultPlan, calls: CallLog) -> None:
        super().__init__(routes=routes)
        self._outermost = FaultMiddleware(super().__call__, faults, calls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        await self._outermost(scope, receive, send)


class Vendor:
    """A vendor's store and app, made when either is first asked for: a test asks one or two."""

    def __init__(
        self,
        name: str,
        home: Path,
        clock: VirtualClock,
        faults: FaultPlan,
        known: dict[str, Any],
    ) -> None:
        self._name = name
        self._needs = (home, clock, faults, known)
        self._making = threading.Lock()
        self._made: tuple[Any, ASGIApp] | None = None

    @property
    def store(self) -> Any:
        """Its ``Store``."""
        return self._make()[0]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        await self._make()[1](scope, receive, send)

    def _make(self) -> tuple[Any, ASGIApp]:
        with self._making:
            if self._made is None:
                home, clock, faults, known = self._needs
                package = f"sandbox.vendors.{self._name}"
                store = importlib.import_module(f"{package}.store").Store(home, clock)
                server = importlib.import_module(f"{package}.server")
                self._made = store, server.create_app(store, clock, faults, known)
            return self._made


class Stores(Mapping[str, Any]):
    """Vendor to its ``Store``."""

    def __init__(self, vendors: Mapping[str, Vendor]) -> None:
        self._vendors = vendors

    def __getitem__(self, name: str) -> Any:
        return self._vendors[name].store

    def __iter__(self) -> Iterator[str]:
        return iter(self._vendors)

    def __len__(self) -> int:
        return len(self._vendors)


def create_app(home: Path, clock: VirtualClock) -> Starlette:
    """The app that serves every vendor's state found under ``home``.

    ``app.state`` has ``stores`` (vendor to its ``Store``), ``faults``, ``calls`` and ``clock``.
    """
    faults, calls = FaultPlan(), CallLog()
    known = credentials.read(home)
    vendors = {name: Vendor(name, home, clock, faults, known.get(name, {})) for name in VENDORS}
    routes = [Mount(f"/{name}", app=vendor, name=name) for name, vendor in vendors.items()]
    app = SandboxApp([*_control(clock, faults, calls, list(vendors)), *routes], faults, calls)
    app.state.stores = Stores(vendors)
    app.state.faults = faults
    app.state.calls = calls
    app.state.clock = clock
    return app


def _control(
    clock: VirtualClock, faults: FaultPlan, calls: CallLog, vendors: list[str]
) -> list[BaseRoute]:
    async def health(request: Request) -> Response:
        del request
        return JSONResponse({"status": "ok", "vendors": vendors})

    async def plan(request: Request) -> Response:
        if request.method == "DELETE":
            faults.clear()
            return Response(status_code=204)
        if request.method == "POST":
            try:
                faults.add(Fault(**await request.json()))
            except (TypeError, ValueError, re.error) as error:
                return JSONResponse({"error": f"not a fault: {error}"}, 400)
        listed = [dataclasses.asdict(fault) for fault in faults.all()]
        return JSONResponse({"faults": listed}, 201 if request.method == "POST" else 200)

    async def log(request: Request) -> Response:
        if request.method == "DELETE":
            calls.clear()
            return Response(status_code=204)
        return JSONResponse({"total": calls.total(), "calls": calls.as_list()})

    async def time(request: Request) -> Response:
        if request.method == "PUT":
            try:
                at = datetime.fromisoformat((await request.json())["now"])
            except (KeyError, TypeError, ValueError) as error:
                return JSONResponse({"error": f"not a time: {error}"}, 400)
            clock.set(at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
        return JSONResponse({"now": clock.now().isoformat()})

    return [
        Route("/_sandbox/health", health),
        Route("/_sandbox/faults", plan, methods=["GET", "POST", "DELETE"]),
        Route("/_sandbox/calls", log, methods=["GET", "DELETE"]),
        Route("/_sandbox/clock", time, methods=["GET", "PUT"]),
    ]
