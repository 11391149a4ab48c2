"""The routes of the local Stripe, all of them to read."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Handler, endpoint
from sandbox.vendors.stripe.answers import refused
from sandbox.vendors.stripe.lists import Lists
from sandbox.vendors.stripe.store import KINDS, Store
from sandbox.vendors.stripe.versions import KNOWN


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. A fault of its own: ``rate_limit``."""
    del clock
    gate, lists = _Gate(store, faults, str(credentials["api_key"])), Lists(store)
    handlers: list[tuple[str, str, Handler]] = [
        ("/v1/invoices/{id}/lines", "invoices", lists.lines),
        ("/v1/subscription_items", "subscriptions", lists.items),
    ]
    for name in KINDS:
        handlers.append((f"/v1/{name}", name, lists.listing))
        handlers.append((f"/v1/{name}/{{id}}", name, lists.get))
    return Starlette(
        routes=[
            Route(path, endpoint(gate.before(handle, name)), methods=["GET"])
            for path, name, handle in handlers
        ]
    )


class _Gate:
    """What calls pass: the key, its rights, a version, and a number of calls a second."""

    def __init__(self, store: Store, faults: FaultPlan, api_key: str) -> None:
        self._store = store
        self._faults = faults
        self._api_key = api_key

    def before(self, handle: Handler, name: str) -> Handler:
        """The handler with the gate before it."""

        def guarded(call: Call) -> Response:
            call.params["list"] = name
            self._check_key(call, name)
            version = call.headers.get("stripe-version")
            if version is not None and version not in KNOWN:
                raise refused(400, f"Invalid Stripe API version: {version}")
            limited = self._faults.take("stripe", call.path, "rate_limit") is not None
            if limited or not self._store.calls_per_second.take().allowed:
                raise refused(
                    429,
                    "Request rate limit exceeded. Learn more about rate limits here "
                    "https://stripe.com/docs/rate-limits.",
                    headers={"Stripe-Rate-Limited-Reason": "global-rate"},
                    code="rate_limit",
                )
            return handle(call)

        return guarded

    def _check_key(self, call: Call, name: str) -> None:
        given = _key(call)
        if not given:
            raise refused(
                401,
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth.",
            )
        if not hmac.compare_digest(given, self._api_key):
            raise refused(401, f"Invalid API Key provided: {given[:8]}{'*' * 12}{given[-4:]}")
        if name not in self._store.rights:
            raise refused(
                403,
                f"The provided key '{given[:8]}{'*' * 12}{given[-4:]}' does not have the required "
                f"permissions for this endpoint. Having the 'rak_{KINDS[name]}_read' permission "
                "would allow this request to continue.",
            )


def _key(call: Call) -> str:
    """The key of bearer auth, or the user of basic auth."""
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""
