"""The routes of the local HubSpot, and what comes before each: token and rate limits."""

from __future__ import annotations

import hmac
from typing import Any

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.endpoint import Call, Handler, Refusal, endpoint
from sandbox.vendors.hubspot.answers import error
from sandbox.vendors.hubspot.batches import Batches
from sandbox.vendors.hubspot.email_events import EmailEvents
from sandbox.vendors.hubspot.lists import Lists
from sandbox.vendors.hubspot.properties import Properties
from sandbox.vendors.hubspot.search import Search
from sandbox.vendors.hubspot.single import Single
from sandbox.vendors.hubspot.store import Store


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. Faults of its own: ``expired_token``, ``missing_scope``, ``rate_limit`` (ten
    seconds), ``quota`` (the day's), ``locked_row`` (423) and ``partial_failure`` of batches
    (``every_nth``, ``keys`` = input ids, ``code``, ``message``).
    """
    del clock
    gate = _Gate(store, faults, str(credentials["access_token"]))
    single, batches, search = Single(store), Batches(store, faults), Search(store)
    properties, lists, events = Properties(store), Lists(store), EmailEvents(store)
    objects = "/crm/v3/objects/{object_type}"
    schema = "/crm/v3/properties/{object_type}"
    one_list = "/crm/v3/lists/{list_id}"

    def route(method: str, path: str, handle: Handler, *, searching: bool = False) -> Route:
        return Route(path, endpoint(gate.behind(handle, searching=searching)), methods=[method])

    return Starlette(
        routes=[
            route("POST", f"{objects}/search", search.search, searching=True),
            route("POST", f"{objects}/batch/read", batches.read),
            route("POST", f"{objects}/batch/create", batches.create),
            route("POST", f"{objects}/batch/update", batches.update),
            route("POST", f"{objects}/batch/upsert", batches.upsert),
            route("POST", f"{objects}/batch/archive", batches.archive),
            route("POST", f"{objects}/merge", single.merge),
            route("POST", f"{objects}/gdpr-delete", single.gdpr_delete),
            route("GET", objects, single.listing),
            route("POST", objects, single.create),
            route("GET", objects + "/{id}", single.get),
            route("PATCH", objects + "/{id}", single.update),
            route("DELETE", objects + "/{id}", single.archive),
            route("GET", "/email/public/v1/events", events.listing),
            route("GET", schema, properties.listing),
            route("POST", schema, properties.create),
            route("POST", f"{schema}/batch/create", properties.create_batch),
            route("GET", schema + "/{name}", properties.get),
            route("PATCH", schema + "/{name}", properties.update),
            route("DELETE", schema + "/{name}", properties.archive),
            route("POST", "/crm/v3/lists", lists.create),
            route("POST", "/crm/v3/lists/", lists.create),
            route("POST", "/crm/v3/lists/search", lists.search),
            route("GET", "/crm/v3/lists/object-type-id/{type_id}/name/{name}", lists.get),
            route("GET", one_list, lists.get),
            route("DELETE", one_list, lists.delete),
            route("GET", f"{one_list}/memberships", lists.members),
            route("DELETE", f"{one_list}/memberships", lists.clear),
            route("PUT", f"{one_list}/memberships/add", lists.add),
            route("PUT", f"{one_list}/memberships/remove", lists.remove),
            route("PUT", f"{one_list}/memberships/add-and-remove", lists.add_and_remove),
        ]
    )


class _Gate:
    """What every call passes: token, faults, the rolling ten seconds and the day's quota."""

    def __init__(self, store: Store, faults: FaultPlan, access_token: str) -> None:
        self._store = store
        self._faults = faults
        self._authorization = f"Bearer {access_token}"

    def behind(self, handle: Handler, *, searching: bool) -> Handler:
        """The handler with the gate before it; searches have their own limit and no headers."""

        def guarded(call: Call) -> Response:
            self._check_token(call)
            headers = self._count_search(call) if searching else self._count(call)
            try:
                response = handle(call)
            except Refusal as refusal:
                response = refusal.response
            response.headers.update(headers)
            return response

        return guarded

    def _check_token(self, call: Call) -> None:
        given = call.headers.get("authorization", "")
        if not hmac.compare_digest(given, self._authorization):
            raise error(
                401,
                "INVALID_AUTHENTICATION",
                "Authentication credentials not found. This API supports OAuth 2.0 authentication "
                "and you can find more details at https://developers.hubspot.com/docs",
            )
        if self._take(call, "expired_token"):
            raise error(
                401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired"
            )
        if fault := self._faults.take("hubspot", call.path, "missing_scope"):
            scopes = fault.params.get("scopes", ["crm.objects.contacts.write"])
            raise error(
                403,
                "MISSING_SCOPES",
                "This app hasn't been granted all required scopes to make this call.",
                context={"requiredGranularScopes": scopes},
            )
        if self._take(call, "locked_row"):
            raise error(423, "LOCKED", "The record is locked by another write")

    def _count(self, call: Call) -> dict[str, str]:
        window = self._store.ten_seconds
        grant = window.take()
        if not grant.allowed or self._take(call, "rate_limit"):
            raise _limited(
                "You have reached your ten_secondly_rolling limit.",
                policyName="TEN_SECONDLY_ROLLING",
            )
        used = self._used_today(call)
        return {
            "X-HubSpot-RateLimit-Daily": str(self._store.daily_limit),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, self._store.daily_limit - used)),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(window.seconds * 1000)),
            "X-HubSpot-RateLimit-Max": str(grant.limit),
            "X-HubSpot-RateLimit-Remaining": str(grant.remaining),
        }

    def _count_search(self, call: Call) -> dict[str, str]:
        if not self._store.search_second.take().allowed or self._take(call, "rate_limit"):
            raise _limited("You have reached your secondly limit.")
        self._used_today(call)
        return {}

    def _used_today(self, call: Call) -> int:
        used = self._store.count_call()
        if used > self._store.daily_limit or self._take(call, "quota"):
            raise _limited("You have reached your daily limit.", policyName="DAILY")
        return used

    def _take(self, call: Call, kind: str) -> bool:
        return self._faults.take("hubspot", call.path, kind) is not None


def _limited(message: str, **more: str) -> Refusal:
    return error(429, "RATE_LIMITS", message, errorType="RATE_LIMIT", **more)
