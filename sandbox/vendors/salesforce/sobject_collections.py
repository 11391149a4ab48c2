"""sObject Collections: up to 200 rows a call, one result per row, in the order given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.salesforce import ids, schema
from sandbox.vendors.salesforce.call import Call
from sandbox.vendors.salesforce.errors import ApiError, RowError
from sandbox.vendors.salesforce.incoming import from_json, with_faults
from sandbox.vendors.salesforce.records import Given, Outcome, Saver, external_key
from sandbox.vendors.salesforce.schema import SObject
from sandbox.vendors.salesforce.sobjects import read_records, sobject_of

_ROLLED_BACK = RowError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone "
    "header",
)


class _RollBackError(Exception):
    """Undoes what a call saved."""


def create(call: Call) -> Response:
    """``POST /composite/sobjects``."""
    return _write(call, is_new=True)


def update(call: Call) -> Response:
    """``PATCH /composite/sobjects``."""
    return _write(call, is_new=False)


def _write(call: Call, *, is_new: bool) -> Response:
    body = call.json()
    records = _records(body)
    typed = [(_type_of(record), record) for record in records]
    runs = [(sobject, list(run)) for sobject, run in groupby(typed, key=lambda pair: pair[0].name)]
    most = schema.org()["collections"]["runs_of_equal_type"]
    if len(runs) > most:
        raise ApiError(
            400,
            "LIMIT_EXCEEDED",
            f"Cannot have more than {most} chunks in a single operation. "
            "Please rearrange the data to reduce chunking.",
        )
    saver = Saver(call.store, call.user_id)
    given = with_faults(call, [from_json(sobject, r, is_new=is_new) for sobject, r in typed])

    def save() -> list[Outcome]:
        outcomes: list[Outcome] = []
        for _, run in runs:
            rows = given[len(outcomes) : len(outcomes) + len(run)]
            write = saver.insert if is_new else saver.update
            outcomes += write(run[0][0], rows)
        return outcomes

    return _answer(call, save, all_or_none=_all_or_none(body))


def upsert(call: Call) -> Response:
    """``PATCH /composite/sobjects/Lead/<field>``."""
    sobject = sobject_of(call)
    name = call.parameters["field"]
    field = external_key(sobject, name)
    if field is None:
        raise ApiError(
            404,
            "NOT_FOUND",
            f"Provided external ID field does not exist or is not accessible: {name}",
        )
    body = call.json()
    records = _records(body)
    for record in records:
        if _type_of(record) is not sobject:
            raise ApiError(
                400,
                "INVALID_TYPE",
                f"All records must be of type {sobject.name} in an upsert call",
            )
    given: list[Given] = []
    for record in records:
        if field.name != "Id" and any(key.lower() == "id" for key in record):
            given.append(
                RowError(
                    "INVALID_FIELD",
                    f"cannot specify both an external ID reference {field.name} and a salesforce "
                    "id, Id",
                )
            )
        else:
            given.append(from_json(sobject, record, is_new=False))
    rows = with_faults(call, given)
    saver = Saver(call.store, call.user_id)
    return _answer(
        call,
        lambda: saver.upsert(sobject, field, rows),
        all_or_none=_all_or_none(body),
        says_created=True,
    )


def delete(call: Call) -> Response:
    """``DELETE /composite/sobjects?ids=a,b&allOrNone=false``."""
    wanted = [i for i in (call.query_parameter("ids") or "").split(",") if i]
    _check_count(wanted)
    all_or_none = (call.query_parameter("allOrNone") or "false").lower() == "true"
    saver = Saver(call.store, call.user_id)
    given = with_faults(call, [{"Id": record_id} for record_id in wanted])

    def save() -> list[Outcome]:
        outcomes = []
        for record_id, row in zip(wanted, given, strict=True):
            sobject = schema.by_prefix().get(record_id[:3])
            if sobject is None or ids.normalize(record_id) is None:
                error = RowError("MALFORMED_ID", f"bad id {record_id}")
                outcomes.append(Outcome(None, error=error))
            else:
                outcomes += saver.delete(sobject, [row])
        return outcomes

    return _answer(call, save, all_or_none=all_or_none)


def retrieve(call: Call) -> Response:
    """``POST`` or ``GET /composite/sobjects/Lead`` with ids and fields: rows, null if missing."""
    sobject = sobject_of(call)
    if call.request.method == "POST":
        body = call.json()
        wanted, names = body.get("ids"), body.get("fields")
    else:
        wanted = [i for i in (call.query_parameter("ids") or "").split(",") if i]
        names = [f for f in (call.query_parameter("fields") or "").split(",") if f]
    if not wanted or not names:
        missing = "ids" if not wanted else "fields"
        raise ApiError(400, "MISSING_ARGUMENT", f"The {missing} parameter is required")
    most = schema.org()["collections"]["retrieve_ids"]
    if len(wanted) > most:
        raise ApiError(
            400,
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot submit more than {most} records into this call",
        )
    known = [ids.normalize(str(record_id)) for record_id in wanted]
    for given, record_id in zip(wanted, known, strict=True):
        if record_id is None:
            raise ApiError(400, "MALFORMED_ID", f"bad id {given}")
    return JSONResponse(read_records(call, sobject, [i for i in known if i], names))


def _records(body: dict[str, Any]) -> list[dict[str, Any]]:
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise ApiError(400, "JSON_PARSER_ERROR", "records must be an array of objects")
    _check_count(records)
    return records


def _check_count(records: Sequence[Any]) -> None:
    if not records:
        raise ApiError(400, "REQUIRED_FIELD_MISSING", "At least 1 record is required")
    most = schema.org()["collections"]["rows"]
    if len(records) > most:
        raise ApiError(
            400,
            "EXCEEDED_ID_LIMIT",
            f"record limit reached. cannot submit more than {most} records into this call",
        )


def _type_of(record: dict[str, Any]) -> SObject:
    name = (record.get("attributes") or {}).get("type")
    if not name:
        raise ApiError(
            400, "INVALID_INPUT", "Include an entity type in the attributes of each record"
        )
    found = schema.find(name)
    if found is None:
        raise ApiError(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")
    return found


def _all_or_none(body: dict[str, Any]) -> bool:
    return bool(body.get("allOrNone", False))


def _answer(call: Call, save: Any, *, all_or_none: bool, says_created: bool = False) -> Response:
    outcomes: list[Outcome] = []
    try:
        with call.store.transaction():
            outcomes = save()
            if all_or_none and any(outcome.error for outcome in outcomes):
                raise _RollBackError
    except _RollBackError:
        outcomes = [Outcome(None, error=o.error or _ROLLED_BACK) for o in outcomes]
    return JSONResponse([_result(outcome, says_created) for outcome in outcomes])


def _result(outcome: Outcome, says_created: bool) -> dict[str, Any]:
    if outcome.error is not None:
        return {"success": False, "errors": [outcome.error.as_status()]}
    result: dict[str, Any] = {"id": outcome.id, "success": True, "errors": []}
    if says_created:
        result["created"] = outcome.created
    return result
