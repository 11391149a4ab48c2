"""The routes of the local Marketo, and what comes before each: token, rate, quota, concurrency."""

from __future__ import annotations

import hmac
import uuid
from typing import Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Handler, Refusal, endpoint
from sandbox.vendors.marketo.activities import Activities
from sandbox.vendors.marketo.answers import envelope, refused
from sandbox.vendors.marketo.exports import Exports
from sandbox.vendors.marketo.leads import Leads
from sandbox.vendors.marketo.membership import Membership
from sandbox.vendors.marketo.programs import Programs
from sandbox.vendors.marketo.store import Store
from sandbox.vendors.rate_window import vendor_seconds

TOKEN_SECONDS = 3600
MAX_BODY, MAX_URI = 1_000_000, 8_192


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. Faults of its own: ``invalid_token`` (601), ``expired_token`` (602), ``rate_limit``
    (606), ``quota`` (607), ``concurrency`` (615), ``partial_failure`` (``every_nth``, ``keys``,
    ``code``), ``queue_full``, ``export_quota`` and ``file_missing``.
    """
    del clock
    gate = _Gate(store, faults, credentials)
    leads, activities, exports = Leads(store, faults), Activities(store), Exports(store, faults)
    programs, membership = Programs(store), Membership(store, faults)

    def route(method: str, path: str, handle: Handler) -> Route:
        return Route(path, endpoint(gate.before(handle)), methods=[method])

    routes = [
        Route("/identity/oauth/token", endpoint(gate.token), methods=["GET", "POST"]),
        route("GET", "/rest/v1/leads/describe.json", leads.describe),
        route("GET", "/rest/v1/leads/describe2.json", leads.describe2),
        route("POST", "/rest/v1/leads/delete.json", leads.delete),
        route("POST", "/rest/v1/leads/{id:int}/merge.json", leads.merge),
        route("GET", "/rest/v1/leads.json", leads.read),
        route("POST", "/rest/v1/leads.json", leads.read_or_sync),
        route("DELETE", "/rest/v1/leads.json", leads.delete),
        route("GET", "/rest/v1/lead/{id:int}.json", leads.get),
        route("GET", "/rest/v1/activities/types.json", activities.types),
        route("GET", "/rest/v1/activities/pagingtoken.json", activities.paging_token),
        route("GET", "/rest/v1/activities/leadchanges.json", activities.changes),
        route("GET", "/rest/v1/activities/deletedleads.json", activities.deleted),
        route("GET", "/rest/v1/activities.json", activities.listing),
        route("GET", "/rest/v1/leads/programs/{id:int}.json", programs.members),
        route("POST", "/rest/v1/leads/programs/{id:int}.json", programs.members),
        route("GET", "/rest/v1/lists.json", programs.lists),
        route("GET", "/rest/v1/lists/{id:int}.json", membership.list_by_id),
        route("POST", "/rest/v1/lists/{id:int}/leads.json", membership.add),
        route("DELETE", "/rest/v1/lists/{id:int}/leads.json", membership.remove),
        route("GET", "/rest/asset/v1/programs.json", programs.browse),
        route("GET", "/rest/asset/v1/program/{id:int}.json", membership.program_by_id),
        route("GET", "/rest/v1/programs/{id:int}/members.json", membership.query),
        route("POST", "/rest/v1/programs/{id:int}/members/status.json", membership.set_status),
        route("POST", "/rest/v1/programs/{id:int}/members/delete.json", membership.delete),
        route("GET", "/rest/v1/stats/usage.json", gate.usage),
    ]
    for entity in ("leads", "activities", "program/members"):
        jobs = f"/bulk/v1/{entity}/export"
        routes += [
            route("POST", f"{jobs}/create.json", exports.create),
            route("GET", f"{jobs}.json", exports.listing),
            route("POST", jobs + "/{export_id}/enqueue.json", exports.enqueue),
            route("POST", jobs + "/{export_id}/cancel.json", exports.cancel),
            route("GET", jobs + "/{export_id}/status.json", exports.status),
            route("GET", jobs + "/{export_id}/file.json", exports.file),
        ]
    return Starlette(routes=routes)


class _Gate:
    """Tokens, and what every call passes."""

    def __init__(self, store: Store, faults: FaultPlan, credentials: dict[str, Any]) -> None:
        self._store = store
        self._faults = faults
        self._credentials = credentials

    def token(self, call: Call) -> Response:
        """The one access token; asked again before it ends, the same with the life left."""
        given = {**call.query, **call.form_or_empty()}
        for name in ("client_id", "client_secret"):
            if not hmac.compare_digest(given.get(name, ""), str(self._credentials[name])):
                return JSONResponse(
                    {
                        "error": "invalid_client",
                        "error_description": "Bad client credentials",
                    },
                    401,
                )
        if given.get("grant_type") != "client_credentials":
            return JSONResponse(
                {"error": "unauthorized", "error_description": "Unsupported grant type"}, 401
            )
        now = vendor_seconds(self._store.clock)
        with self._store.db.transaction():
            held = self._store.tokens.get("current")
            if held is None or now >= held["until"]:
                held = {"token": f"{uuid.uuid4()}:1", "until": now + TOKEN_SECONDS}
                self._store.tokens.put("current", held)
                self._store.tokens.put(held["token"], held)
        return JSONResponse(
            {
                "access_token": held["token"],
                "token_type": "bearer",
                "expires_in": max(0, int(held["until"] - now) - 1),
                "scope": "headwater@groupgrub.com",
            }
        )

    def before(self, handle: Handler) -> Handler:
        """The handler with the gate before it."""

        def guarded(call: Call) -> Response:
            if len(call.body) > MAX_BODY:
                raise Refusal(PlainTextResponse("413 Request Entity Too Large", 413))
            if len(call.path) + len(str(call.query)) > MAX_URI:
                raise Refusal(PlainTextResponse("414 Request-URI Too Long", 414))
            self._check_token(call)
            self._count(call)
            if self._take(call, "concurrency") or not self._store.enter():
                limit = self._store.concurrent_calls
                raise refused(615, f"Concurrent access limit '{limit}' reached")
            try:
                return handle(call)
            finally:
                self._store.leave()

        return guarded

    def usage(self, call: Call) -> Response:
        """The calls of today."""
        del call
        day = self._store.clock.now().date().isoformat()
        used = self._store.db.tuples("select used from quota where day = ?", (day,))[0][0]
        users = [{"userId": "headwater@groupgrub.com", "count": used}]
        return envelope([{"date": day, "total": used, "users": users}])

    def _check_token(self, call: Call) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        held = self._store.tokens.get(token) if scheme.lower() == "bearer" else None
        if held is None or "token" not in held or self._take(call, "invalid_token"):
            raise refused(601, "Access token invalid")
        expired = vendor_seconds(self._store.clock) >= held["until"]
        if expired or self._take(call, "expired_token"):
            raise refused(602, "Access token expired")

    def _count(self, call: Call) -> None:
        window = self._store.calls_per_20_seconds
        if self._take(call, "rate_limit") or not window.take().allowed:
            raise refused(606, f"Max rate limit '{window.limit}' exceeded with in '20' secs")
        if self._take(call, "quota") or self._store.count_call() > self._store.daily_calls:
            raise refused(607, f"Daily API request quota '{self._store.daily_calls}' reached")

    def _take(self, call: Call, kind: str) -> bool:
        return self._faults.take("marketo", call.path, kind) is not None
