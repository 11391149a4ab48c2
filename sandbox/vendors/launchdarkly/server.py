"""The routes of the local LaunchDarkly; its REST, stream and event hosts are one here."""

from __future__ import annotations

import hmac
import time
from typing import Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Handler, Refusal, endpoint
from sandbox.vendors.launchdarkly.answers import refused
from sandbox.vendors.launchdarkly.flags import Flags
from sandbox.vendors.launchdarkly.sdk_plane import SdkPlane
from sandbox.vendors.launchdarkly.segments import Segments
from sandbox.vendors.launchdarkly.store import Store


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. Faults of its own: ``rate_limit`` (with its reset), ``ip_limit`` (Retry-After
    only), ``conflict`` (409), ``approval_required`` (405) and ``forbidden`` (403).
    """
    del clock
    gate = _Gate(store, faults, credentials)
    segments = Segments(store)
    flags = Flags(store, str(credentials["environment_key"]))
    sdk = SdkPlane(store, str(credentials["sdk_key"]))
    all_segments = "/api/v2/segments/{project}/{environment}"
    one_segment = all_segments + "/{segment}"
    all_flags = "/api/v2/flags/{project}"
    one_flag = all_flags + "/{flag}"

    def route(method: str, path: str, handle: Handler) -> Route:
        return Route(path, endpoint(gate.before(path, handle)), methods=[method])

    return Starlette(
        routes=[
            route("GET", all_segments, segments.listing),
            route("POST", all_segments, segments.create),
            route("GET", one_segment, segments.get),
            route("PATCH", one_segment, segments.patch),
            route("DELETE", one_segment, segments.delete),
            route("POST", one_segment + "/contexts", segments.change_contexts),
            route("POST", one_segment + "/users", segments.change_contexts),
            route("GET", one_segment + "/contexts/{context_key}", segments.get_context),
            route("GET", all_flags, flags.listing),
            route("POST", all_flags, flags.create),
            route("GET", one_flag, flags.get),
            route("PATCH", one_flag, flags.patch),
            Route("/all", sdk.stream, methods=["GET"]),
            Route("/sdk/latest-all", endpoint(sdk.poll), methods=["GET"]),
            Route("/bulk", endpoint(sdk.events), methods=["POST"]),
            Route("/diagnostic", endpoint(sdk.events), methods=["POST"]),
        ]
    )


class _Gate:
    """What every REST call passes: token, limits, faults, and the one project and environment."""

    def __init__(self, store: Store, faults: FaultPlan, credentials: dict[str, Any]) -> None:
        self._store = store
        self._faults = faults
        self._token = str(credentials["access_token"])
        self._project = credentials["project_key"]
        self._environment = credentials["environment_key"]

    def before(self, path: str, handle: Handler) -> Handler:
        """The handler with the gate before it; the rate headers are on every answer."""

        def guarded(call: Call) -> Response:
            # No scheme word: "Bearer <token>" is refused.
            if not hmac.compare_digest(call.headers.get("authorization", ""), self._token):
                raise refused(401, "Invalid access token")
            headers = self._count(call, path)
            try:
                self._misbehave(call)
                self._check_place(call)
                response = handle(call)
            except Refusal as refusal:
                response = refusal.response
            response.headers.update(headers)
            return response

        return guarded

    def _count(self, call: Call, path: str) -> dict[str, str]:
        everywhere = self._store.global_limit.take()
        route = self._store.route_limit.take(f"{call.method} {path}")
        reset = max(everywhere.reset_in, route.reset_in)
        headers = {
            "X-Ratelimit-Global-Limit": str(everywhere.limit),
            "X-Ratelimit-Global-Remaining": str(everywhere.remaining),
            "X-Ratelimit-Route-Limit": str(route.limit),
            "X-Ratelimit-Route-Remaining": str(route.remaining),
            # The machine's clock, as in the Date header: a client waits in real time.
            "X-Ratelimit-Reset": str(int((time.time() + reset) * 1000)),
        }
        if self._faults.take("launchdarkly", call.path, "ip_limit"):
            raise refused(429, "You have exceeded the rate limit", {"Retry-After": "1"})
        if self._faults.take("launchdarkly", call.path, "rate_limit"):
            raise refused(
                429,
                "You have exceeded the rate limit",
                {**headers, "X-Ratelimit-Route-Remaining": "0"},
            )
        if not everywhere.allowed or not route.allowed:
            raise refused(429, "You have exceeded the rate limit", headers)
        return headers

    def _misbehave(self, call: Call) -> None:
        for kind, status, message in (
            ("forbidden", 403, "The access token does not allow this action"),
            ("approval_required", 405, "Approval is required to change this environment"),
            ("conflict", 409, "The resource was changed by another request; try again"),
        ):
            if self._faults.take("launchdarkly", call.path, kind):
                raise refused(status, message)

    def _check_place(self, call: Call) -> None:
        if call.params["project"] != self._project:
            raise refused(404, f"Unknown project key {call.params['project']}")
        if call.params.get("environment", self._environment) != self._environment:
            raise refused(404, f"Unknown environment key {call.params['environment']}")
