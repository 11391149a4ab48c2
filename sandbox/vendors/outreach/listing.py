"""Reading many: filters, sorting, sparse fields and cursor pages."""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import urlencode

from sandbox.vendors.endpoint import Call
from sandbox.vendors.outreach.answers import refused
from sandbox.vendors.outreach.resources import Resource
from sandbox.vendors.outreach.store import Record, Store

DEFAULT_SIZE, MAX_SIZE, MAX_OFFSET = 50, 1000, 10_000
FILTER = re.compile(r"filter\[(\w+)\](?:\[(\w+)\])?")
Sql = tuple[str, list[Any]]


def page(store: Store, resource: Resource, call: Call) -> tuple[list[Record], int | None, Record]:
    """One page of records, the count if it was asked for, and the links to other pages."""
    where, parameters = _where(resource, call)
    sort = _sort(resource, call)
    documents = store.resources[resource.plural]
    total = None
    if call.query.get("count", "").lower() == "true":
        total = documents.count(where, parameters)
    if "page[limit]" in call.query or "page[offset]" in call.query:
        limit = _number(call, "page[limit]", DEFAULT_SIZE, MAX_SIZE)
        offset = _number(call, "page[offset]", 0, MAX_OFFSET)
        found = documents.select(where, parameters, order=_order(sort), limit=limit, offset=offset)
        return found, total, {}
    size = _number(call, "page[size]", DEFAULT_SIZE, MAX_SIZE)
    beyond, bound, backwards = _beyond(call, sort)
    columns = ", ".join(column for column, _ in sort)
    order = _order([(column, down != backwards) for column, down in sort])
    found_keys = store.db.tuples(
        f'select key, {columns} from "{resource.plural}" where ({where}) and ({beyond}) '
        f"order by {order} limit ?",
        [*parameters, *bound, size + 1],
    )
    chosen = found_keys[:size][::-1] if backwards else found_keys[:size]
    marks = ", ".join("?" for _ in chosen)
    keys = [row[0] for row in chosen]
    by_key = {each["id"]: each for each in documents.select(f"key in ({marks})", keys)}
    links: Record = {"first": _link(call, None, size)}
    has_more = len(found_keys) > size
    if chosen and (backwards or has_more):
        links["next"] = _link(call, ("after", list(chosen[-1][1:])), size)
    if chosen and (has_more if backwards else bool(bound)):
        links["prev"] = _link(call, ("before", list(chosen[0][1:])), size)
    return [by_key[key] for key in keys], total, links


def _order(sort: list[tuple[str, bool]]) -> str:
    return ", ".join(f"{column} desc" if down else column for column, down in sort)


def _beyond(call: Call, sort: list[tuple[str, bool]]) -> tuple[str, list[Any], bool]:
    """What lies behind (or before) the record at which a cursor stands, by the sorted values: so a
    record that changes or goes between two pages moves no other one over the edge."""
    for side in ("after", "before"):
        cursor = call.query.get(f"page[{side}]")
        if not cursor:
            continue
        try:
            values = json.loads(base64.urlsafe_b64decode(cursor))["values"]
            if len(values) != len(sort):
                raise ValueError(cursor)
        except (ValueError, KeyError, TypeError):
            raise _bad("page", f"page[{side}] is not a cursor of this list") from None
        cases, bound = [], []
        for depth, (column, down) in enumerate(sort):
            sign = "<" if down != (side == "before") else ">"
            same = [f"{each} is ?" for each, _ in sort[:depth]]
            cases.append(" and ".join([*same, f"{column} {sign} ?"]))
            bound += values[: depth + 1]
        return " or ".join(f"({case})" for case in cases), bound, side == "before"
    return "true", [], False


def _link(call: Call, cursor: tuple[str, list[Any]] | None, size: int) -> str:
    query = [
        (name, value)
        for name, value in call.query.multi_items()
        if name not in {"page[after]", "page[before]", "page[size]"}
    ]
    query.append(("page[size]", str(size)))
    if cursor:
        token = base64.urlsafe_b64encode(json.dumps({"values": cursor[1]}).encode()).decode()
        query.append((f"page[{cursor[0]}]", token))
    return f"{call.base_url}{call.path}?{urlencode(query)}"


def _where(resource: Resource, call: Call) -> Sql:
    parts = ["true"]
    parameters: list[Any] = []
    newer = call.query.get("newFilterSyntax", "").lower() == "true"
    for name, value in call.query.multi_items():
        matched = FILTER.fullmatch(name)
        if matched is None:
            continue
        field, inner = matched.groups()
        if field in resource.relationships:
            if inner != "id":
                raise _bad("filter", f"{field} can be filtered by id only")
            ids = [int(each) for each in value.split(",") if each.isdigit()]
            marks = ", ".join("?" for _ in ids)
            parts.append(f"document ->> '$.relationships.{field}.id' in ({marks})")
            parameters += ids
        elif field == "id":
            ids = [int(each) for each in value.split(",") if each.isdigit()]
            parts.append(f"key in ({', '.join('?' for _ in ids)})")
            parameters += ids
        elif field == "q" and resource.plural in {"prospects", "accounts"}:
            names = ("firstName", "lastName", "name", "company", "domain")
            alike = " or ".join(f"document ->> '$.attributes.{each}' like ?" for each in names)
            parts.append(f"({alike})")
            parameters += [f"{value}%"] * len(names)
        elif field in resource.filterable:
            sql, bound = _attribute(resource, field, inner, value, newer=newer)
            parts.append(sql)
            parameters += bound
        else:
            raise _bad("filter", f"'{field}' is not a filterable attribute of {resource.type}")
    return " and ".join(parts), parameters


def _attribute(
    resource: Resource, field: str, operator: str | None, value: str, *, newer: bool
) -> Sql:
    column = f"document ->> '$.attributes.{field}'"
    if value == "__null__":
        return f"{column} is null", []
    if newer and operator in {"gte", "lte", "gt", "lt"}:
        signs = {"gte": ">=", "lte": "<=", "gt": ">", "lt": "<"}
        return f"{column} {signs[operator]} ?", [value]
    if ".." in value and not newer:
        low, _, high = value.partition("..")
        parts, bound = ["true"], []
        if low not in {"", "neginf"}:
            parts.append(f"{column} >= ?")
            bound.append(low)
        if high not in {"", "inf"}:
            parts.append(f"{column} <= ?")
            bound.append(high)
        return "(" + " and ".join(parts) + ")", bound
    values = [value] if newer else value.split(",")
    marks = ", ".join("?" for _ in values)
    if field in resource.lists:
        return (
            f"exists (select 1 from json_each(document, '$.attributes.{field}') as each "
            f"where lower(each.value) in ({marks}))",
            [each.lower() for each in values],
        )
    flags = {"true": "1", "false": "0"}
    return f"cast({column} as text) in ({marks})", [flags.get(each, each) for each in values]


def _sort(resource: Resource, call: Call) -> list[tuple[str, bool]]:
    result = []
    for each in filter(None, call.query.get("sort", "").split(",")):
        name, down = each.lstrip("-"), each.startswith("-")
        if name not in resource.sortable():
            raise _bad("sort", f"'{name}' is not a sortable attribute of {resource.type}")
        value = f"coalesce(document ->> '$.attributes.{name}', '')"
        result.append(("key" if name == "id" else value, down))
    return [*result, ("key", False)]


def _number(call: Call, name: str, default: int, most: int) -> int:
    given = call.query.get(name, str(default))
    if not given.isdigit() or int(given) > most or (int(given) == 0 and default != 0):
        raise _bad("page", f"{name} must be a whole number of at most {most}")
    return int(given)


def _bad(about: str, detail: str) -> Exception:
    return refused(400, "invalidParameter", f"Invalid {about} parameter", detail)
