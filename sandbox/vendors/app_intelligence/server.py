"""The routes of the local app intelligence: a login, and everything else behind its token."""

from __future__ import annotations

import hmac
import secrets
from typing import Any

import jwt
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.app_intelligence import directory
from sandbox.vendors.app_intelligence.answers import refused
from sandbox.vendors.app_intelligence.estimates import Estimates
from sandbox.vendors.app_intelligence.store import Store
from sandbox.vendors.endpoint import Call, Handler, endpoint
from sandbox.vendors.rate_window import vendor_seconds

TOKEN_SECONDS = 14 * 86_400


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. Faults of its own: ``expired_token`` and ``rate_limit``."""
    del clock
    gate = _Gate(store, faults, credentials)
    handlers: list[tuple[str, Handler]] = [
        *directory.handlers(store),
        ("/api/{store}/estimates", Estimates(store).get),
    ]
    return Starlette(
        routes=[
            Route("/api/login", endpoint(gate.login), methods=["POST"]),
            *(
                Route(path, endpoint(gate.behind(handle)), methods=["GET"])
                for path, handle in handlers
            ),
        ]
    )


class _Gate:
    """The login, and what every other call passes: token and 1,000 calls a minute."""

    def __init__(self, store: Store, faults: FaultPlan, credentials: dict[str, Any]) -> None:
        self._store = store
        self._faults = faults
        self._client = str(credentials["client"])
        self._secret = str(credentials["secret"])

    def login(self, call: Call) -> Response:
        """A token for client and secret, sent as a form or in the query."""
        given = {**call.query, **call.form_or_empty()}
        if not (
            hmac.compare_digest(given.get("client", ""), self._client)
            and hmac.compare_digest(given.get("secret", ""), self._secret)
        ):
            raise refused(401, "Invalid client or secret")
        until = vendor_seconds(self._store.clock) + TOKEN_SECONDS
        claims = {"sub": f"Client:{self._client}", "jti": secrets.token_hex(8), "typ": "access"}
        token = jwt.encode(claims, secrets.token_hex(32), algorithm="HS256")
        self._store.tokens.put(token, {"until": until})
        return JSONResponse({"token": token})

    def behind(self, handle: Handler) -> Handler:
        """The handler with the gate before it. The token stands alone, without a scheme."""

        def guarded(call: Call) -> Response:
            token = call.headers.get("authorization", "")
            held = self._store.tokens.get(token)
            live = held is not None and vendor_seconds(self._store.clock) < held["until"]
            if not live or self._faults.take("app_intelligence", call.path, "expired_token"):
                raise refused(401, "Unauthorized")
            limited = self._faults.take("app_intelligence", call.path, "rate_limit") is not None
            if limited or not self._store.calls_per_minute.take(token).allowed:
                raise refused(429, "Too Many Requests")
            return handle(call)

        return guarded
