"""The routes of the local Outreach, and what comes before each: media type, token, limit."""

from __future__ import annotations

import time
from typing import Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Handler, Refusal, endpoint
from sandbox.vendors.outreach.actions import Actions
from sandbox.vendors.outreach.answers import MEDIA_TYPE, Document, invalid, refused
from sandbox.vendors.outreach.oauth import OAuth
from sandbox.vendors.outreach.records import Records
from sandbox.vendors.outreach.store import Store


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. Faults of its own: ``expired_token``, ``token_rate_limit``, ``rate_limit``,
    ``missing_scope`` (403), ``maintenance`` (503) and ``partial_failure`` (422 for ``keys`` =
    addresses or external ids in the body, or every call when there are none).
    """
    del clock
    oauth, records = OAuth(store, faults, credentials), Records(store)
    actions = Actions(store, records)
    gate = _Gate(store, faults, oauth)

    def route(method: str, path: str, handle: Handler) -> Route:
        return Route(f"/api/v2{path}", endpoint(gate.before(handle)), methods=[method])

    return Starlette(
        routes=[
            Route("/oauth/token", endpoint(oauth.token), methods=["POST"]),
            route("POST", "/batches/actions/{action}", actions.batch),
            route("POST", "/batches/{id}/actions/confirm", actions.confirm),
            route("POST", "/tasks/{id}/actions/{action}", actions.task),
            route("POST", "/sequenceStates", actions.create_sequence_state),
            route("POST", "/sequenceStates/{id}/actions/{action}", actions.sequence_state),
            route("GET", "/{plural}", records.listing),
            route("POST", "/{plural}", records.create),
            route("GET", "/{plural}/{id}", records.get),
            route("PATCH", "/{plural}/{id}", records.update),
            route("DELETE", "/{plural}/{id}", records.delete),
        ]
    )


class _Gate:
    """What every call passes; the limit's headers are on every answer."""

    def __init__(self, store: Store, faults: FaultPlan, oauth: OAuth) -> None:
        self._store = store
        self._faults = faults
        self._oauth = oauth

    def before(self, handle: Handler) -> Handler:
        """The handler with the gate before it."""

        def guarded(call: Call) -> Response:
            self._oauth.check(call)
            headers = self._count(call)
            try:
                self._check_media_type(call)
                self._misbehave(call)
                response = handle(call)
            except Refusal as refusal:
                response = refusal.response
            response.headers.update(headers)
            return response

        return guarded

    def _count(self, call: Call) -> dict[str, str]:
        grant = self._store.calls_per_hour.take()
        headers = {
            "X-RateLimit-Limit": str(grant.limit),
            "X-RateLimit-Remaining": str(grant.remaining),
            # The machine's clock, as in the Date header: a client waits in real time.
            "X-RateLimit-Reset": str(int(time.time() + grant.reset_in)),
        }
        if not grant.allowed or self._faults.take("outreach", call.path, "rate_limit"):
            seconds = max(1, int(grant.reset_in)) if not grant.allowed else 1
            raise refused(
                429,
                "rateLimitExceeded",
                "Rate Limit Exceeded",
                f"You have exceeded your permitted rate limit of {grant.limit} requests per hour; "
                f"try again in {seconds} seconds.",
                headers={**headers, "Retry-After": str(seconds)},
            )
        return headers

    def _check_media_type(self, call: Call) -> None:
        if call.method in {"POST", "PATCH"} and call.media_type() != MEDIA_TYPE:
            error = {
                "id": "unsupportedMediaType",
                "title": "Unsupported Media Type",
                "details": f"Content-Type must be {MEDIA_TYPE}.",
            }
            raise Refusal(Document({"errors": [error]}, 415))

    def _misbehave(self, call: Call) -> None:
        if fault := self._faults.take("outreach", call.path, "missing_scope"):
            scope = fault.params.get("scope", "prospects.write")
            raise refused(
                403,
                "unauthorizedOauthScope",
                "Unauthorized OAuth Scope",
                f"Your authorization is missing required scope: {scope}",
            )
        if self._faults.take("outreach", call.path, "maintenance"):
            raise refused(
                503,
                "scheduledServerMaintenance",
                "Scheduled Maintenance",
                "The server is down for maintenance.",
                headers={"Retry-After": self._store.clock.now().isoformat()},
            )
        if call.method in {"POST", "PATCH"}:
            self._refuse_row(call)

    def _refuse_row(self, call: Call) -> None:
        """A planned refusal, which is used up only by a row that it is about."""
        for planned in self._faults.all():
            if (planned.vendor, planned.kind) != ("outreach", "partial_failure"):
                continue
            keys = planned.params.get("keys", [])
            if keys and not any(key.encode() in call.body for key in keys):
                continue
            if self._faults.take("outreach", call.path, "partial_failure"):
                detail = "Contacts contact is using an excluded email address."
                raise invalid(str(planned.params.get("detail", detail)), "/data")
