"""REST ``query`` and ``queryAll``: pages of records, held together by a cursor."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.salesforce import schema, soql, values
from sandbox.vendors.salesforce.call import Call
from sandbox.vendors.salesforce.errors import ApiError
from sandbox.vendors.salesforce.soql_sql import Column, Parent, Select, compile_query
from sandbox.vendors.salesforce.store import Store


def query(call: Call) -> Response:
    """``GET /query?q=`` and ``GET /queryAll?q=``."""
    text = call.query_parameter("q")
    if text is None:
        raise ApiError(400, "MALFORMED_QUERY", "SOQL query is missing: parameter q is required")
    if len(text) > schema.org()["query"]["characters"]:
        raise ApiError(400, "QUERY_TOO_COMPLICATED", "Query is too long")
    all_rows = call.path.lower().endswith("queryall")
    parsed = soql.parse(text)
    select = compile_query(parsed, all_rows=all_rows, now=call.now)
    if select.aggregate == "count":
        rows = call.store.tuples(select.sql(["count(*)"]), select.parameters)
        return JSONResponse({"totalSize": rows[0][0], "done": True, "records": []})
    if select.aggregate == "rows":
        return JSONResponse(_aggregate_rows(call.store, select))
    found = call.store.tuples(select.sql(['t0."Id"']), select.parameters)
    record_ids = [row[0] for row in found]
    page = _page_rows(call)
    cursor = None
    if len(record_ids) > page:
        cursor = _open_cursor(call, text, all_rows, record_ids)
    return _answer(call, select, cursor, record_ids, 0, page)


def query_more(call: Call) -> Response:
    """``GET /query/<cursor>-<offset>``: the next page."""
    match = re.fullmatch(r"(01g\w{15})-(\d+)", call.parameters["locator"])
    found = (
        call.store.execute("select * from query_cursor where id = ?", (match.group(1),))
        if match
        else []
    )
    if match is None or not found:
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    cursor = found[0]
    record_ids = json.loads(cursor["ids"])
    offset = int(match.group(2))
    if offset >= len(record_ids):
        raise ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    select = compile_query(
        soql.parse(cursor["soql"]), all_rows=bool(cursor["all_rows"]), now=call.now
    )
    return _answer(call, select, cursor["id"], record_ids, offset, _page_rows(call))


def _page_rows(call: Call) -> int:
    figures = schema.org()["query"]
    rows = int(figures["page_rows"])
    asked = re.search(r"batchSize\s*=\s*(\d+)", call.header("Sforce-Query-Options") or "")
    if asked:
        rows = min(rows, max(int(asked.group(1)), figures["smallest_page_rows"]))
    if fault := call.fault("small_page"):
        rows = min(rows, int(fault.params.get("rows", 1)))
    return rows


def _open_cursor(call: Call, text: str, all_rows: bool, record_ids: list[str]) -> str:
    cursor = call.store.new_ids("01g", 1)[0]
    oldest = call.now - timedelta(days=schema.org()["cursor_days"])
    with call.store.transaction():
        call.store.execute("delete from query_cursor where opened_at < ?", (values.stamp(oldest),))
        call.store.execute(
            "insert into query_cursor values (?, ?, ?, ?, ?)",
            (cursor, text, all_rows, json.dumps(record_ids), values.stamp(call.now)),
        )
    return cursor


def _answer(
    call: Call,
    select: Select,
    cursor: str | None,
    record_ids: list[str],
    offset: int,
    page: int,
) -> Response:
    wanted = record_ids[offset : offset + page]
    body: dict[str, Any] = {
        "totalSize": len(record_ids),
        "done": offset + page >= len(record_ids),
    }
    if not body["done"]:
        body["nextRecordsUrl"] = f"{call.root}/query/{cursor}-{offset + page}"
    body["records"] = records(call.store, select, wanted, call.root)
    return JSONResponse(body)


def records(store: Store, select: Select, record_ids: list[str], root: str) -> list[Any]:
    """The records with these ids, in this order, as the query selects them."""
    expressions = ['t0."Id"', *(p.sql for p in select.parents), *(c.sql for c in select.columns)]
    by_id: dict[str, tuple[Any, ...]] = {}
    for start in range(0, len(record_ids), 10_000):
        part = record_ids[start : start + 10_000]
        chosen = Select(
            select.sobject,
            joins=select.joins,
            where=f't0."Id" in ({", ".join("?" * len(part))})',
        )
        by_id |= {row[0]: row for row in store.tuples(chosen.sql(expressions), part)}
    width = 1 + len(select.parents)
    return [
        _record(select, row[0], row[1:width], row[width:], root)
        for row in (by_id[record_id] for record_id in record_ids if record_id in by_id)
    ]


def attributes(name: str, record_id: str, root: str) -> dict[str, str]:
    """What every record starts with."""
    return {"type": name, "url": f"{root}/sobjects/{name}/{record_id}"}


def _record(
    select: Select,
    record_id: str,
    parent_ids: tuple[Any, ...],
    cells: tuple[Any, ...],
    root: str,
) -> dict[str, Any]:
    record: dict[str, Any] = {"attributes": attributes(select.sobject.name, record_id, root)}
    nested: dict[tuple[str, ...], dict[str, Any] | None] = {(): record}
    for parent, parent_id in zip(select.parents, parent_ids, strict=True):
        nested[parent.path] = _nest(parent, parent_id, nested, root)
    for column, value in zip(select.columns, cells, strict=True):
        place = nested[column.path[:-1]]
        if place is not None:
            place[column.path[-1]] = values.as_json(column.field, value)
    return record


def _nest(
    parent: Parent,
    parent_id: str | None,
    nested: dict[tuple[str, ...], dict[str, Any] | None],
    root: str,
) -> dict[str, Any] | None:
    outer = nested[parent.path[:-1]]
    if outer is None:
        return None
    inner = None
    if parent_id is not None:
        inner = {"attributes": attributes(parent.sobject.name, parent_id, root)}
    outer[parent.path[-1]] = inner
    return inner


def _aggregate_rows(store: Store, select: Select) -> dict[str, Any]:
    rows = store.tuples(select.sql([c.sql for c in select.columns]), select.parameters)
    return {
        "totalSize": len(rows),
        "done": True,
        "records": [_aggregate_row(select.columns, row) for row in rows],
    }


def _aggregate_row(columns: list[Column], row: tuple[Any, ...]) -> dict[str, Any]:
    record: dict[str, Any] = {"attributes": {"type": "AggregateResult"}}
    for column, value in zip(columns, row, strict=True):
        record[column.path[-1]] = values.as_json(column.field, value)
    return record
