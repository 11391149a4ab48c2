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
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Receive, Scope, Send

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


def create_app(home: Path, clock: VirtualClock) -> Starlette:
    """The app that serves every vendor's state found under ``home``.

    ``app.state`` has ``stores`` (vendor to its ``Store``), ``faults``, ``calls`` and ``clock``.
    """
    faults, calls = FaultPlan(), CallLog()
    known = credentials.read(home)
    stores = {}
    routes: list[BaseRoute] = []
    for vendor in VENDORS:
        package = f"sandbox.vendors.{vendor}"
        store = importlib.import_module(f"{package}.store").Store(home, clock)
        server = importlib.import_module(f"{package}.server")
        stores[vendor] = store
        app = server.create_app(store, clock, faults, known.get(vendor, {}))
        routes.append(Mount(f"/{vendor}", app=app, name=vendor))
    app = SandboxApp([*_control(clock, faults, calls, list(stores)), *routes], faults, calls)
    app.state.stores = stores
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
