"""The routes of the local Crunchbase, under the current and the older base path."""

from __future__ import annotations

import hmac
from typing import Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.crunchbase.answers import invalid, refused
from sandbox.vendors.crunchbase.fields import COLLECTIONS, ENTITY
from sandbox.vendors.crunchbase.search import Search, shown
from sandbox.vendors.crunchbase.store import Store
from sandbox.vendors.endpoint import Call, Handler, endpoint

BASES = ("/v4/data", "/api/v4")
MAX_DELETED, MAX_AUTOCOMPLETES = 1000, 25


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app. Faults of its own: ``rate_limit``, and ``https_required`` (426), which the vendor
    answers to plain HTTP.
    """
    del clock
    gate = _Gate(store, faults, str(credentials["user_key"]))
    feed = _Deleted(store)
    handlers: list[tuple[str, str, Handler]] = [("GET", "/deleted_entities", feed.all)]
    for collection in COLLECTIONS:
        entities, search = _Entities(store, collection), Search(store, collection)
        handlers += [
            ("POST", f"/searches/{collection}", search.search),
            ("GET", f"/entities/{collection}/{{entity_id}}", entities.get),
            ("GET", f"/deleted_entities/{collection}", feed.of(collection)),
        ]
    handlers.append(("GET", "/autocompletes", _Entities(store, "organizations").autocomplete))
    return Starlette(
        routes=[
            Route(base + path, endpoint(gate.behind(handle)), methods=[method])
            for base in BASES
            for method, path, handle in handlers
        ]
    )


class _Gate:
    """What every call passes: the user key and 200 calls a minute."""

    def __init__(self, store: Store, faults: FaultPlan, user_key: str) -> None:
        self._store = store
        self._faults = faults
        self._user_key = user_key

    def behind(self, handle: Handler) -> Handler:
        """The handler with the gate before it."""

        def guarded(call: Call) -> Response:
            if self._faults.take("crunchbase", call.path, "https_required"):
                raise refused(426, "LA426", "Upgrade Required: use HTTPS")
            given = call.headers.get("x-cb-user-key") or call.query.get("user_key", "")
            if not hmac.compare_digest(given, self._user_key):
                raise refused(401, "LA401", "Unauthorized user_key")
            limited = self._faults.take("crunchbase", call.path, "rate_limit") is not None
            if limited or not self._store.calls_per_minute.take(given).allowed:
                raise refused(429, "LA429", "Usage limit exceeded")
            return handle(call)

        return guarded


class _Entities:
    """Single entities of a collection, and names to complete."""

    def __init__(self, store: Store, collection: str) -> None:
        self._entities = store.collections[collection]
        self._fields = COLLECTIONS[collection]

    def get(self, call: Call) -> Response:
        """One entity by uuid or permalink."""
        wanted = call.params["entity_id"]
        fields = [name for name in call.query.get("field_ids", "").split(",") if name]
        unknown = [name for name in fields if name not in self._fields]
        if unknown:
            raise invalid(f"field_ids: unknown field {unknown[0]}")
        found = self._entities.select(
            "key = ? or document ->> '$.properties.identifier.permalink' = ?", (wanted, wanted)
        )
        if not found:
            raise refused(404, "MD404", f"Entity not found: {wanted}")
        entity = shown(found[0], fields)
        cards = [name for name in call.query.get("card_ids", "").split(",") if name]
        if cards == ["fields"]:
            whole = shown(found[0], list(self._fields))
            return JSONResponse({**entity, "cards": {"fields": whole["properties"]}})
        if cards:
            raise invalid(f"card_ids: unknown card {cards[0]}")
        return JSONResponse(entity)

    def autocomplete(self, call: Call) -> Response:
        """Organizations whose name or permalink starts with the query."""
        query = call.query.get("query", "")
        if not query:
            raise invalid("query is required")
        limit = _limit(call, default=10, most=MAX_AUTOCOMPLETES)
        found = self._entities.select(
            "lower(document ->> '$.properties.identifier.value') like ? "
            "or document ->> '$.properties.identifier.permalink' like ?",
            (f"{query.lower()}%", f"{query.lower()}%"),
        )
        entities = [
            {
                "identifier": each["properties"]["identifier"],
                "short_description": each["properties"].get("short_description", ""),
                "facet_ids": ["company"],
            }
            for each in found[:limit]
        ]
        return JSONResponse({"count": len(found), "entities": entities})


class _Deleted:
    """The feed of tombstones."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, call: Call) -> Response:
        """Tombstones of every collection."""
        return self._page(call, "true")

    def of(self, collection: str) -> Handler:
        """The handler for the tombstones of one collection."""
        where = f"document ->> '$.entity_def_id' = '{ENTITY[collection]}'"
        return lambda call: self._page(call, where)

    def _page(self, call: Call, where: str) -> Response:
        """Tombstones by uuid, from the one after ``after_id`` on."""
        limit = _limit(call, default=MAX_DELETED, most=MAX_DELETED)
        after = call.query.get("after_id", "")
        found = self._store.deleted.select(f"key > ? and {where}", (after,), limit=limit)
        return JSONResponse(found)


def _limit(call: Call, *, default: int, most: int) -> int:
    given = call.query.get("limit", str(default))
    if not given.isdigit() or not 0 < int(given) <= most:
        raise invalid(f"limit must be between 1 and {most}")
    return int(given)
