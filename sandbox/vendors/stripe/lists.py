"""Lists: newest first, filtered, walked by ``starting_after`` and ``ending_before``."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.stripe.answers import missing, refused
from sandbox.vendors.stripe.store import KINDS, Object, Store
from sandbox.vendors.stripe.versions import ACCOUNT, rendered

DEFAULT_LIMIT, MAX_LIMIT, MAX_TYPES = 10, 100, 20
SHOWN_NESTED = 10
EVENTS_KEPT_SECONDS = 30 * 86_400
NEWEST_FIRST = "document ->> '$.created' desc, key desc"
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
PAGING = {"limit", "starting_after", "ending_before", "expand[]", "expand[0]"}
FILTERS = {
    "customers": {"email"},
    "subscriptions": {"status", "customer"},
    "invoices": {"status", "customer", "subscription", "collection_method"},
    "refunds": {"charge", "payment_intent"},
    "events": {"type", "types[]", "delivery_success"},
}
"""What each list may be filtered by, beside ``created``."""
NESTED = {"subscription": "items", "invoice": "lines"}
EXPANDABLE = {"invoice": {"payments"}}
Sql = tuple[str, list[Any]]


class Lists:
    """The lists and single objects of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listing(self, call: Call) -> Response:
        """A page of a list."""
        name = call.params["list"]
        expanded = _expanded(call, KINDS[name], "data.")
        where, parameters = _created(call)
        for part, values in (self._filter(call, name), _living(name)):
            where, parameters = f"{where} and {part}", parameters + values
        found = self._page(call, name, where, parameters)
        limit = _limit(call)
        version = call.headers.get("stripe-version", ACCOUNT)
        return JSONResponse(
            {
                "object": "list",
                "data": [rendered(_shown(each, expanded), version) for each in found[:limit]],
                "has_more": len(found) > limit,
                "url": call.path,
            }
        )

    def get(self, call: Call) -> Response:
        """One object; of a deleted customer that it is deleted."""
        name, key = call.params["list"], call.params["id"]
        expanded = _expanded(call, KINDS[name], "")
        found = self._store.objects[name].get(key)
        if found is None or (name == "events" and found["created"] < self._events_from()):
            raise missing(KINDS[name], key, "id")
        version = call.headers.get("stripe-version", ACCOUNT)
        return JSONResponse(rendered(_shown(found, expanded), version))

    def lines(self, call: Call) -> Response:
        """All lines of an invoice, page by page."""
        return self._nested(call, "invoices", call.params["id"], "id")

    def items(self, call: Call) -> Response:
        """All items of the subscription that is asked for, page by page."""
        return self._nested(
            call, "subscriptions", call.query.get("subscription", ""), "subscription"
        )

    def _nested(self, call: Call, name: str, key: str, param: str) -> Response:
        found = self._store.objects[name].get(key)
        if found is None:
            raise missing(KINDS[name], key, param)
        entries: list[Object] = found[NESTED[KINDS[name]]]["data"]
        keys = [entry["id"] for entry in entries]
        after = call.query.get("starting_after")
        if after is not None and after not in keys:
            raise missing("line item", after, "starting_after", 400)
        begin = 0 if after is None else keys.index(after) + 1
        end = begin + _limit(call)
        return JSONResponse(
            {
                "object": "list",
                "data": entries[begin:end],
                "has_more": end < len(entries),
                "url": call.path,
            }
        )

    def _page(self, call: Call, name: str, where: str, parameters: list[Any]) -> list[Object]:
        """One more than the page holds, so that it is known whether there is more."""
        objects = self._store.objects[name]
        edge = call.query.get("starting_after") or call.query.get("ending_before")
        if edge is None:
            return objects.select(where, parameters, order=NEWEST_FIRST, limit=_limit(call) + 1)
        param = "starting_after" if "starting_after" in call.query else "ending_before"
        held = objects.get(edge)
        if held is None or "created" not in held:
            raise missing(KINDS[name], edge, param, 400)
        comparison = "<" if param == "starting_after" else ">"
        where = f"{where} and (document ->> '$.created', key) {comparison} (?, ?)"
        order = NEWEST_FIRST if comparison == "<" else NEWEST_FIRST.replace(" desc", "")
        found = objects.select(
            where, [*parameters, held["created"], edge], order=order, limit=_limit(call) + 1
        )
        return found if comparison == "<" else found[: _limit(call)][::-1]

    def _filter(self, call: Call, name: str) -> Sql:
        _refuse_unknown(call, name)
        if name == "events":
            kinds = call.query.getlist("types[]") or [
                value
                for key, value in call.query.multi_items()
                if re.fullmatch(r"types\[\d+\]", key)
            ]
            return _events(call, kinds, self._events_from())
        parts, parameters = ["true"], []
        for field in FILTERS[name] & call.query.keys():
            value = call.query[field]
            path = "parent.subscription_details.subscription" if field == "subscription" else field
            if (name, field, value) == ("subscriptions", "status", "all"):
                continue
            parts.append(f"document ->> '$.{path}' = ?")
            parameters.append(value)
        if name == "subscriptions" and "status" not in call.query:
            parts.append("document ->> '$.status' not in ('canceled', 'incomplete_expired')")
        return " and ".join(parts), parameters

    def _events_from(self) -> float:
        return self._store.clock.now().timestamp() - EVENTS_KEPT_SECONDS


def _events(call: Call, kinds: list[str], since: float) -> Sql:
    if len(kinds) > MAX_TYPES:
        raise refused(400, f"You may specify at most {MAX_TYPES} types.", param="types")
    if kinds and "type" in call.query:
        raise refused(400, "You may pass either type or types, but not both.", param="types")
    where, parameters = "document ->> '$.created' >= ?", [since]
    if kinds:
        marks = ", ".join("?" for _ in kinds)
        return f"{where} and document ->> '$.type' in ({marks})", [*parameters, *kinds]
    if "type" in call.query:
        return f"{where} and document ->> '$.type' glob ?", [*parameters, call.query["type"]]
    return where, parameters


def _living(name: str) -> Sql:
    return ("document ->> '$.deleted' is null" if name == "customers" else "true"), []


def _created(call: Call) -> Sql:
    parts, parameters = ["true"], []
    for key, value in call.query.multi_items():
        found = re.fullmatch(r"created(?:\[(\w+)\])?", key)
        if found is None:
            continue
        operator = "=" if found[1] is None else COMPARISONS.get(found[1])
        if operator is None:
            raise refused(
                400, f"Received unknown parameter: {key}", code="parameter_unknown", param=key
            )
        if not value.isdigit():
            raise refused(400, f"Invalid integer: {value}", code="parameter_invalid_integer")
        parts.append(f"document ->> '$.created' {operator} ?")
        parameters.append(int(value))
    return " and ".join(parts), parameters


def _refuse_unknown(call: Call, name: str) -> None:
    for key in call.query:
        plain = re.sub(r"\[\d+\]", "[]", key)
        if plain in PAGING | FILTERS[name] or re.fullmatch(r"created(\[\w+\])?", key):
            continue
        raise refused(
            400, f"Received unknown parameter: {key}", code="parameter_unknown", param=key
        )


def _limit(call: Call) -> int:
    given = call.query.get("limit", str(DEFAULT_LIMIT))
    if not given.isdigit() or not 0 < int(given) <= MAX_LIMIT:
        raise refused(400, f"Invalid limit: must be between 1 and {MAX_LIMIT}", param="limit")
    return int(given)


def _expanded(call: Call, kind: str, prefix: str) -> set[str]:
    names = {
        value for key, value in call.query.multi_items() if re.fullmatch(r"expand\[\d*\]", key)
    }
    for name in names:
        if name.removeprefix(prefix) not in EXPANDABLE.get(kind, set()):
            raise refused(400, f"This property cannot be expanded ({name}).", param="expand")
    return {name.removeprefix(prefix) for name in names}


def _shown(found: Object, expanded: set[str]) -> Object:
    """An object with the first entries of its nested list, and of what can be expanded only what
    was asked for."""
    kind = found["object"]
    hidden = EXPANDABLE.get(kind, set()) - expanded
    shown = {name: value for name, value in found.items() if name not in hidden}
    nested = NESTED.get(kind)
    if nested is None or found.get("deleted"):
        return shown
    entries = found[nested]["data"]
    frame = {
        "object": "list",
        "data": entries[:SHOWN_NESTED],
        "has_more": len(entries) > SHOWN_NESTED,
        "total_count": len(entries),
        "url": f"/v1/invoices/{found['id']}/lines"
        if kind == "invoice"
        else f"/v1/subscription_items?subscription={found['id']}",
    }
    return {**shown, nested: frame}
