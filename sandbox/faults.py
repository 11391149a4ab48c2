"""Misbehaviour on demand: the plan of faults, and the middleware that carries out the general ones.

The middleware carries out these kinds for every vendor:

===============  ==================================================================================
``status``       answers ``params.status`` (with ``body``, ``headers``) and the handler never runs
``reset``        closes the connection before the handler runs
``delay``        waits ``params.seconds``, then goes on as usual
``lost_response``  runs the handler, then answers ``params.status``, or closes the connection
                 without an answer when no status is given
``truncate``     cuts the body after ``params.bytes``, then closes the connection, or ends the
                 answer as if it were whole with ``params.clean``
===============  ==================================================================================

Every other kind is for a vendor's handlers to ask for with :meth:`FaultPlan.take`.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.calls import CallLog


@dataclass(frozen=True)
class Fault:
    """One fault to come.

    ``route`` is a regular expression searched in the path below the vendor; ``times`` is how often
    it happens (None: until deleted); ``probability`` is drawn from the plan's seed at each call
    that matches. ``params["method"]`` limits it to one HTTP method.
    """

    vendor: str
    route: str
    kind: str
    times: int | None = 1
    probability: float = 1.0
    params: dict[str, Any] = field(default_factory=dict)


class FaultPlan:
    """The faults that are still to come; kept in memory, safe to share between threads."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Plan a fault. Raises ``ValueError`` or ``re.error`` when it can never happen."""
        re.compile(fault.route)
        if not 0 < fault.probability <= 1:
            raise ValueError(f"probability {fault.probability} is not in (0, 1]")
        if fault.times is not None and fault.times < 1:
            raise ValueError(f"times {fault.times} is less than 1")
        with self._lock:
            self._faults.append(fault)

    def take(self, vendor: str, path: str, kind: str, *, method: str | None = None) -> Fault | None:
        """The first planned fault of this kind for this path, counted as having happened."""
        with self._lock:
            for position, fault in enumerate(self._faults):
                if fault.vendor != vendor or fault.kind != kind:
                    continue
                if not re.search(fault.route, path):
                    continue
                if method is not None and fault.params.get("method", method) != method:
                    continue
                if self._random.random() >= fault.probability:
                    continue
                if fault.times == 1:
                    del self._faults[position]
                elif fault.times is not None:
                    self._faults[position] = replace(fault, times=fault.times - 1)
                return fault
            return None

    def all(self) -> list[Fault]:
        """The faults that are still to come."""
        with self._lock:
            return list(self._faults)

    def clear(self) -> None:
        """Behave from now on."""
        with self._lock:
            self._faults.clear()


class FaultMiddleware:
    """Carries out the general kinds of faults and counts every call to a vendor.

    Must be the outermost layer below the server: to cut a connection it needs the server's own
    ``send``, whose transport it closes.
    """

    def __init__(self, app: ASGIApp, plan: FaultPlan, calls: CallLog) -> None:
        self._app = app
        self._plan = plan
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        vendor, path = split_path(scope.get("path", ""))
        if scope["type"] != "http" or not vendor or vendor.startswith("_"):
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        answer = _Answer(send)
        try:
            await self._run(vendor, path, method, scope, receive, answer)
        finally:
            route = scope.get("route")
            template = getattr(route, "path", None) or "(no route)"
            self._calls.add(vendor, method, template, answer.status)

    async def _run(
        self, vendor: str, path: str, method: str, scope: Scope, receive: Receive, answer: _Answer
    ) -> None:
        def take(kind: str) -> Fault | None:
            return self._plan.take(vendor, path, kind, method=method)

        if fault := take("delay"):
            await asyncio.sleep(float(fault.params.get("seconds", 1)))
        if take("reset"):
            await _drain(receive)
            answer.cut()
            return
        if fault := take("status"):
            await _drain(receive)
            await answer.write(fault.params)
            return
        if fault := take("lost_response"):
            await self._app(scope, receive, _nowhere)
            if "status" in fault.params:
                await answer.write(fault.params)
            else:
                answer.cut()
            return
        if fault := take("truncate"):
            answer.truncate_after(
                int(fault.params.get("bytes", 0)), clean=bool(fault.params.get("clean"))
            )
        await self._app(scope, receive, answer.send)


class _Answer:
    """The way back to the caller, which can be cut."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        self._left: int | None = None
        self._clean = False
        self._closed = False

    def truncate_after(self, length: int, *, clean: bool) -> None:
        self._left = length
        self._clean = clean

    async def send(self, message: Message) -> None:
        if self._closed:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._clean:
                message = {**message, "headers": _without_length(message["headers"])}
        elif self._left is not None:
            body = message.get("body", b"")
            if len(body) >= self._left:
                self._closed = True
                await self._send(
                    {**message, "body": body[: self._left], "more_body": not self._clean}
                )
                if not self._clean:
                    self._transport().close()
                return
            self._left -= len(body)
        await self._send(message)

    async def write(self, params: MutableMapping[str, Any]) -> None:
        """Answer with ``params``: status, body (text, or anything JSON) and headers."""
        body = params.get("body", "")
        content = body if isinstance(body, str) else json.dumps(body)
        kind = "text/plain" if isinstance(body, str) else "application/json"
        headers = {"content-type": kind, **params.get("headers", {})}
        encoded = content.encode()
        headers["content-length"] = str(len(encoded))
        await self.send(
            {
                "type": "http.response.start",
                "status": int(params.get("status", 500)),
                "headers": [(k.lower().encode(), str(v).encode()) for k, v in headers.items()],
            }
        )
        await self.send({"type": "http.response.body", "body": encoded})

    def cut(self) -> None:
        """Close the connection without an answer."""
        self._closed = True
        self._transport().abort()

    def _transport(self) -> Any:
        transport = getattr(getattr(self._send, "__self__", None), "transport", None)
        if transport is None:
            raise RuntimeError(
                "A planned fault must cut the connection, but this server shows no transport: "
                "serve the sandbox by uvicorn."
            )
        return transport


def split_path(path: str) -> tuple[str, str]:
    """``/salesforce/services/data/`` as ``("salesforce", "/services/data")``."""
    vendor, _, rest = path.lstrip("/").partition("/")
    return vendor, "/" + rest.rstrip("/")


async def _drain(receive: Receive) -> None:
    """Read the request's body: a caller that is still sending would see another error."""
    while True:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _nowhere(message: Message) -> None:
    del message


def _without_length(headers: Any) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() != b"content-length"]
