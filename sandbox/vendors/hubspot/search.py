"""``POST .../search``: filters over the index, which lags behind the records when told to."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.endpoint import Call
from sandbox.vendors.hubspot.answers import validation_error
from sandbox.vendors.hubspot.requests import body_object, object_type, whole_number
from sandbox.vendors.hubspot.schema import Property
from sandbox.vendors.hubspot.showing import shown
from sandbox.vendors.hubspot.store import Store
from sandbox.vendors.hubspot.values import moment, stamp

MAX_BODY = 3000
MAX_PAGE = 200
MAX_RESULTS = 10_000
MAX_GROUPS, MAX_FILTERS, MAX_FILTERS_IN_ALL = 5, 6, 18
COMPARISONS = {"EQ": "=", "LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
QUERIED = {
    "contacts": ("firstname", "lastname", "email", "phone", "company", "hs_additional_emails"),
    "companies": ("name", "domain", "website", "phone"),
}
Sql = tuple[str, list[Any]]


class Search:
    """The search over a store's records."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def search(self, call: Call) -> Response:
        """Answer one search; never more than 10,000 results of one query."""
        kind, body = object_type(call), body_object(call)
        if len(call.body) > MAX_BODY:
            raise validation_error(f"The search body must not exceed {MAX_BODY} characters")
        limit = whole_number(body.get("limit", 10), "limit", 1, MAX_PAGE)
        offset = whole_number(body.get("after") or 0, "after", 0, None)
        if offset + limit > MAX_RESULTS:
            raise validation_error(
                f"There was a problem with the request: paging past {MAX_RESULTS} results of one "
                "query is not supported"
            )
        self._store.bring_search_up_to_date(kind)
        known = self._store.properties(kind)
        where, parameters = _where(body, known, QUERIED[kind.plural])
        order, order_parameters = _order(body.get("sorts") or [], known)
        index = self._store.searchable[kind.plural]
        total = index.count(where, parameters)
        found = index.select(
            where, [*parameters, *order_parameters], order=order, limit=limit, offset=offset
        )
        asked = body.get("properties") or ()
        answer: dict[str, Any] = {
            "total": total,
            "results": [shown(kind, record, asked, known=known) for record in found],
        }
        if offset + limit < total:
            answer["paging"] = {"next": {"after": str(offset + limit)}}
        return JSONResponse(answer)


def _where(body: dict[str, Any], known: dict[str, Property], queried: tuple[str, ...]) -> Sql:
    groups = body.get("filterGroups") or []
    if len(groups) > MAX_GROUPS:
        raise validation_error(f"Number of filter groups must not exceed {MAX_GROUPS}")
    sizes = [len(group.get("filters") or []) for group in groups]
    if any(size > MAX_FILTERS for size in sizes) or sum(sizes) > MAX_FILTERS_IN_ALL:
        raise validation_error(
            f"Number of filters must not exceed {MAX_FILTERS} in a group and "
            f"{MAX_FILTERS_IN_ALL} in total"
        )
    parameters: list[Any] = []
    either = []
    for group in groups:
        every = []
        for each in group.get("filters") or []:
            sql, bound = _filter(each, known)
            every.append(sql)
            parameters += bound
        either.append("(" + (" and ".join(every) or "true") + ")")
    where = "(" + (" or ".join(either) or "true") + ")"
    if body.get("query"):
        words = f"%{str(body['query']).lower()}%"
        alike = " or ".join("lower(document ->> ?) like ?" for _ in queried)
        where += f" and ({alike})"
        parameters += [part for name in queried for part in (_path(name), words)]
    return where, parameters


def _filter(asked: dict[str, Any], known: dict[str, Property]) -> Sql:
    name, operator = str(asked.get("propertyName")), str(asked.get("operator"))
    prop = known.get(name)
    if prop is None:
        raise validation_error(f"There was a problem with the request: unknown property {name}")
    path = _path(name)
    if operator in {"HAS_PROPERTY", "NOT_HAS_PROPERTY"}:
        return f"document ->> ? is {'not ' if operator == 'HAS_PROPERTY' else ''}null", [path]
    left = _column(prop)
    if operator in COMPARISONS:
        return f"{left} {COMPARISONS[operator]} ?", [path, _value(prop, asked.get("value"))]
    if operator == "NEQ":
        return f"{left} is not ?", [path, _value(prop, asked.get("value"))]
    if operator == "BETWEEN":
        low, high = _value(prop, asked.get("value")), _value(prop, asked.get("highValue"))
        return f"{left} between ? and ?", [path, low, high]
    if operator in {"IN", "NOT_IN"}:
        values = [_value(prop, value) for value in asked.get("values") or []]
        if not values:
            raise validation_error(f"{operator} needs values")
        marks = ", ".join("?" for _ in values)
        if operator == "IN":
            return f"{left} in ({marks})", [path, *values]
        return f"({left} not in ({marks}) or document ->> ? is null)", [path, *values, path]
    if operator in {"CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"}:
        word = str(asked.get("value", "")).lower().replace("*", "%")
        sql = "coalesce(lower(document ->> ?), '') like ?"
        if operator == "NOT_CONTAINS_TOKEN":
            sql = f"not ({sql})"
        return sql, [path, f"%{word}%"]
    raise validation_error(f"Unknown filter operator: {operator}")


def _order(sorts: list[Any], known: dict[str, Property]) -> Sql:
    parts, parameters = [], []
    for each in sorts:
        asked = each if isinstance(each, dict) else {"propertyName": str(each)}
        name = str(asked.get("propertyName"))
        direction = str(asked.get("direction", "ASCENDING")).upper()
        if name.startswith("-"):
            name, direction = name[1:], "DESCENDING"
        if name not in known:
            raise validation_error(f"There was a problem with the request: cannot sort by {name}")
        parts.append(_column(known[name]) + (" desc" if direction == "DESCENDING" else ""))
        parameters.append(_path(name))
    return ", ".join([*parts, "key"]), parameters


def _path(name: str) -> str:
    return f"$.properties.{name}"


def _column(prop: Property) -> str:
    """SQL for a property's value with its path to be bound."""
    if prop.type == "number":
        return "cast(document ->> ? as real)"
    if prop.type in {"datetime", "date"}:
        return "document ->> ?"
    return "lower(document ->> ?)"


def _value(prop: Property, value: Any) -> Any:
    """A filter's value in the form of the column."""
    text = str(value)
    try:
        if value is None or text == "":
            raise ValueError("a value is required")
        if prop.type == "number":
            return float(text)
        if prop.type in {"datetime", "date"}:
            at = moment(text)
            return stamp(at) if prop.type == "datetime" else at.date().isoformat()
    except ValueError:
        raise validation_error(
            f"There was a problem with the request: {text} is not a value of {prop.name}"
        ) from None
    return text.lower()
