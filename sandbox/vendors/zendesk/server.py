"""The routes of the local Zendesk: who we are, the incremental exports, and those of chats."""

from __future__ import annotations

import base64
import hmac
import math
from typing import Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Handler, endpoint
from sandbox.vendors.rate_window import RateWindow
from sandbox.vendors.zendesk.answers import forbidden, refused, unauthenticated
from sandbox.vendors.zendesk.chats import Chats
from sandbox.vendors.zendesk.exports import Exports
from sandbox.vendors.zendesk.store import Store

EXPORTS = "/api/v2/incremental"
ANONYMOUS = {"id": None, "name": "Anonymous user", "email": "invalid@example.com"}


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. A fault of its own: ``rate_limit`` (``seconds`` is what Retry-After says)."""
    del clock
    gate, exports, chats = _Gate(store, faults, credentials), Exports(store), Chats(store)
    routes: list[tuple[str, Handler]] = [
        ("/api/v2/users/me.json", gate.me),
        ("/api/v2/chat/incremental/chats", gate.to_chats(chats.export)),
    ]
    for resource in ("tickets", "users"):
        routes.append(
            (f"{EXPORTS}/{resource}/cursor.json", gate.to_exports(exports.by_cursor, resource))
        )
    for resource in ("tickets", "users", "organizations", "ticket_events"):
        routes.append((f"{EXPORTS}/{resource}.json", gate.to_exports(exports.by_time, resource)))
    return Starlette(
        routes=[Route(path, endpoint(handle), methods=["GET"]) for path, handle in routes]
    )


class _Gate:
    """What calls pass: a credential, a role, and a number of calls a minute."""

    def __init__(self, store: Store, faults: FaultPlan, credentials: dict[str, Any]) -> None:
        self._store = store
        self._faults = faults
        user = f"{credentials['email']}/token:{credentials['api_token']}"
        self._basic = f"Basic {base64.b64encode(user.encode()).decode()}"
        self._bearer = f"Bearer {credentials['chat_access_token']}"
        self._email = str(credentials["email"])

    def me(self, call: Call) -> Response:
        """The user of the credential; without one, somebody anonymous."""
        if "authorization" not in call.headers:
            return JSONResponse({"user": {**ANONYMOUS, "role": "end-user"}})
        self._authenticate(call, self._basic)
        user = {"id": 1, "name": "Headwater", "email": self._email, "role": self._store.role}
        return JSONResponse({"user": user})

    def to_exports(self, handle: Handler, resource: str) -> Handler:
        """The handler behind the administrator's token and ten calls a minute."""

        def guarded(call: Call) -> Response:
            call.params["resource"] = resource
            self._authenticate(call, self._basic)
            if self._store.role != "admin":
                raise forbidden()
            self._limit(
                call,
                self._store.exports_per_minute,
                "Number of allowed incremental export API requests per minute exceeded",
            )
            return handle(call)

        return guarded

    def to_chats(self, handle: Handler) -> Handler:
        """The handler behind the OAuth token of the Chat API and its limit."""

        def guarded(call: Call) -> Response:
            self._authenticate(call, self._bearer)
            self._limit(call, self._store.chat_calls_per_minute, "Too many requests")
            return handle(call)

        return guarded

    def _authenticate(self, call: Call, expected: str) -> None:
        if not hmac.compare_digest(call.headers.get("authorization", ""), expected):
            raise unauthenticated()

    def _limit(self, call: Call, window: RateWindow, description: str) -> None:
        fault = self._faults.take("zendesk", call.path, "rate_limit")
        grant = window.take()
        if fault is not None or not grant.allowed:
            seconds = fault.params.get("seconds", 1) if fault else math.ceil(grant.reset_in)
            raise refused(429, "APIRateLimitExceeded", description, **{"Retry-After": str(seconds)})
