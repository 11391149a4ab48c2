"""``POST /searches/{collection}``: predicates that must all hold, keyset paging by uuid."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.crunchbase.answers import invalid
from sandbox.vendors.crunchbase.fields import COLLECTIONS, Kind, comparable, sql
from sandbox.vendors.crunchbase.store import Store
from sandbox.vendors.endpoint import Call

DEFAULT_LIMIT, MAX_LIMIT = 50, 1000
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
Sql = tuple[str, list[Any]]


Fields = dict[str, Kind]


class Search:
    """The search over one collection of a store."""

    def __init__(self, store: Store, collection: str) -> None:
        self._store = store
        self._collection = collection
        self._fields = COLLECTIONS[collection]

    def search(self, call: Call) -> Response:
        """One page of entities, from the row after ``after_id`` on."""
        body = _body(call)
        fields = _known(body.get("field_ids") or [], self._fields, "field_ids")
        if not fields:
            raise invalid("field_ids is required")
        limit = body.get("limit", DEFAULT_LIMIT)
        if not isinstance(limit, int) or isinstance(limit, bool) or not 0 < limit <= MAX_LIMIT:
            raise invalid(f"limit must be between 1 and {MAX_LIMIT}")
        where, parameters = _where(body.get("query") or [], self._fields)
        order = _order(body.get("order") or [], self._fields)
        keys = [
            row[0]
            for row in self._store.db.tuples(
                f"select key from {self._collection} where {where} order by {order}", parameters
            )
        ]
        page = _page(keys, body, limit)
        marks = ", ".join("?" for _ in page)
        by_uuid = {
            each["uuid"]: each
            for each in self._store.collections[self._collection].select(f"key in ({marks})", page)
        }
        entities = [shown(by_uuid[key], fields) for key in page]
        return JSONResponse({"count": len(keys), "entities": entities})


def shown(entity: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """An entity with some of its fields; those it does not have are left out."""
    properties = entity["properties"]
    wanted = dict.fromkeys(("identifier", *fields))
    return {
        "uuid": entity["uuid"],
        "properties": {name: properties[name] for name in wanted if name in properties},
    }


def _page(keys: list[str], body: dict[str, Any], limit: int) -> list[str]:
    after, before = body.get("after_id"), body.get("before_id")
    if after and before:
        raise invalid("after_id and before_id exclude each other")
    if not after and not before:
        return keys[:limit]
    if (after or before) not in keys:
        raise invalid(f"{'after_id' if after else 'before_id'} {after or before} is not a result")
    if after:
        start = keys.index(after) + 1
        return keys[start : start + limit]
    end = keys.index(str(before))
    return keys[max(0, end - limit) : end]


def _body(call: Call) -> dict[str, Any]:
    try:
        body = call.json()
    except ValueError as problem:
        raise invalid(f"the body is not JSON: {problem}") from None
    if not isinstance(body, dict):
        raise invalid("the body must be an object")
    return body


def _known(names: list[str], known: Fields, where: str) -> list[str]:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise invalid(f"{where}: unknown field {unknown[0]}")
    return names


def _where(predicates: list[dict[str, Any]], known: Fields) -> Sql:
    parts, parameters = ["true"], []
    for predicate in predicates:
        if predicate.get("type") != "predicate":
            raise invalid("query: type must be predicate")
        part, bound = _predicate(predicate, known)
        parts.append(f"({part})")
        parameters += bound
    return " and ".join(parts), parameters


def _predicate(predicate: dict[str, Any], known: Fields) -> Sql:
    [field] = _known([str(predicate.get("field_id"))], known, "query")
    kind = known[field]
    operator, left = predicate.get("operator_id"), sql(field, kind)
    if operator in {"blank", "not_blank"}:
        wants_blank = (operator == "blank") == (predicate.get("values", [True])[:1] != [False])
        return f"document ->> '$.properties.{field}' is {'' if wants_blank else 'not '}null", []
    given = predicate.get("values")
    if not isinstance(given, list) or not given:
        raise invalid(f"query: {operator} on {field} needs values")
    try:
        values = [comparable(kind, value) for value in given]
    except (ValueError, TypeError, KeyError):
        raise invalid(f"query: {given} are not values of {field}") from None
    marks = ", ".join("?" for _ in given)
    if operator in COMPARISONS:
        return f"{left} {COMPARISONS[operator]} ?", values[:1]
    if operator == "between" and len(values) == 2:
        return f"{left} between ? and ?", values
    if operator in {"eq", "not_eq"}:
        return f"{left} {'is' if operator == 'eq' else 'is not'} ?", values[:1]
    if operator in {"domain_eq", "domain_includes"} and kind is Kind.URL:
        return f"{left} in ({marks})", values
    if operator in {"includes", "not_includes"}:
        inside = _includes(field, kind, left, marks)
        bound = values * 3 if kind is Kind.IDENTIFIERS else values
        return (inside, bound) if operator == "includes" else (f"not coalesce({inside}, 0)", bound)
    if operator in {"contains", "not_contains", "starts"}:
        word = f"{values[0]}%" if operator == "starts" else f"%{values[0]}%"
        return f"{left} {'not ' if operator == 'not_contains' else ''}like ?", [word]
    raise invalid(f"query: operator {operator} is not one of {field}")


def _includes(field: str, kind: Kind, left: str, marks: str) -> str:
    if kind is not Kind.IDENTIFIERS:
        return f"{left} in ({marks})"
    return (
        f"exists (select 1 from json_each(document, '$.properties.{field}') as each "
        f"where each.value ->> '$.permalink' in ({marks}) "
        f"or each.value ->> '$.uuid' in ({marks}) or each.value ->> '$.value' in ({marks}))"
    )


def _order(given: list[dict[str, Any]], known: Fields) -> str:
    parts = []
    for each in given:
        [field] = _known([str(each.get("field_id"))], known, "order")
        if each.get("sort") not in {"asc", "desc"}:
            raise invalid("order: sort must be asc or desc")
        parts.append(f"{sql(field, known[field])} {each['sort']} nulls last")
    return ", ".join([*parts, "key"])
