"""Single rows: create, read, change, delete, and upsert by external id."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from sandbox.vendors.salesforce import ids, schema, values
from sandbox.vendors.salesforce.call import Call
from sandbox.vendors.salesforce.errors import ApiError, RowError, for_single_row, not_found
from sandbox.vendors.salesforce.incoming import from_json, with_faults
from sandbox.vendors.salesforce.query import attributes
from sandbox.vendors.salesforce.records import Given, Outcome, Saver
from sandbox.vendors.salesforce.schema import Field, SObject

_CREATED_AND_UPDATED_SINCE = 46.0  # before, an upsert that updates answers 204


def sobject_of(call: Call) -> SObject:
    """The object named in the path. Raises ``NOT_FOUND``."""
    found = schema.find(call.parameters["object"])
    if found is None:
        raise not_found()
    return found


def create(call: Call) -> Response:
    """``POST /sobjects/Lead``: 201 with the new id."""
    sobject = sobject_of(call)
    row = _not_refused(call, from_json(sobject, call.json(), is_new=True))
    outcome = _saved(Saver(call.store, call.user_id).insert(sobject, [row]))
    return JSONResponse({"id": outcome.id, "success": True, "errors": []}, 201)


def read(call: Call) -> Response:
    """``GET /sobjects/Lead/<id>``, optionally ``?fields=A,B``."""
    sobject = sobject_of(call)
    return JSONResponse(_record(call, sobject, _known_id(call, sobject)))


def update(call: Call) -> Response:
    """``PATCH /sobjects/Lead/<id>``: 204."""
    sobject = sobject_of(call)
    body = call.json()
    if any(name.lower() == "id" for name in body):
        raise ApiError(
            400,
            "INVALID_FIELD",
            "The Id field should not be specified in the sobject data.",
        )
    record_id = _known_id(call, sobject)
    given = from_json(sobject, body, is_new=False)
    row = _not_refused(call, given if isinstance(given, RowError) else {**given, "Id": record_id})
    _saved(Saver(call.store, call.user_id).update(sobject, [row]))
    return Response(status_code=204)


def delete(call: Call) -> Response:
    """``DELETE /sobjects/Lead/<id>``: 204."""
    sobject = sobject_of(call)
    row = _not_refused(call, {"Id": _known_id(call, sobject)})
    _saved(Saver(call.store, call.user_id).delete(sobject, [row]))
    return Response(status_code=204)


def read_external(call: Call) -> Response:
    """``GET /sobjects/Lead/<field>/<value>``."""
    sobject = sobject_of(call)
    matches = _matches(call, sobject, _external_field(call, sobject))
    if not matches:
        raise not_found()
    return JSONResponse(_record(call, sobject, matches[0]))


def upsert_external(call: Call) -> Response:
    """``PATCH /sobjects/Lead/<field>/<value>``: 201 created, 200 updated, 300 ambiguous."""
    sobject = sobject_of(call)
    field = _external_field(call, sobject)
    body = call.json()
    if any(name.lower() in {field.name.lower(), "id"} for name in body):
        raise ApiError(
            400,
            "INVALID_FIELD",
            f"The {field.name} field should not be specified in the sobject data.",
        )
    matches = _matches(call, sobject, field)
    if not matches and (call.query_parameter("updateOnly") or "").lower() == "true":
        raise not_found()
    given = from_json(sobject, body, is_new=not matches)
    key = values.convert(field, call.parameters["value"])
    row = _not_refused(call, given if isinstance(given, RowError) else {**given, field.name: key})
    outcome = _saved(Saver(call.store, call.user_id).upsert(sobject, field, [row]))
    if not outcome.created and float(call.version) < _CREATED_AND_UPDATED_SINCE:
        return Response(status_code=204)
    answer: dict[str, Any] = {
        "id": outcome.id,
        "success": True,
        "errors": [],
        "created": outcome.created,
    }
    return JSONResponse(answer, 201 if outcome.created else 200)


def delete_external(call: Call) -> Response:
    """``DELETE /sobjects/Lead/<field>/<value>``: 204."""
    sobject = sobject_of(call)
    matches = _matches(call, sobject, _external_field(call, sobject))
    if not matches:
        raise not_found()
    _saved(Saver(call.store, call.user_id).delete(sobject, [{"Id": matches[0]}]))
    return Response(status_code=204)


class SeveralMatchError(Exception):
    """An external id matches several rows: 300 with their URLs."""

    def __init__(self, urls: list[str]) -> None:
        super().__init__(urls)
        self.urls = urls


def _external_field(call: Call, sobject: SObject) -> Field:
    field = sobject.field(call.parameters["field"])
    if field is None or not field.external_id:
        raise ApiError(
            404,
            "NOT_FOUND",
            "Provided external ID field does not exist or is not accessible: "
            + call.parameters["field"],
        )
    return field


def _matches(call: Call, sobject: SObject, field: Field) -> list[str]:
    found = call.store.by_ids(sobject, field.name, [call.parameters["value"]])
    alive = [row["Id"] for row in found if not row.get("IsDeleted")]
    if len(alive) > 1:
        raise SeveralMatchError([f"{call.root}/sobjects/{sobject.name}/{i}" for i in alive])
    return alive


def _known_id(call: Call, sobject: SObject) -> str:
    given = call.parameters["id"]
    record_id = ids.normalize(given)
    if record_id is None or not record_id.startswith(sobject.prefix):
        raise not_found()
    found = call.store.by_ids(sobject, "Id", [record_id])
    if not found:
        raise not_found()
    if found[0].get("IsDeleted"):
        raise ApiError(404, "ENTITY_IS_DELETED", "entity is deleted")
    return record_id


def _record(call: Call, sobject: SObject, record_id: str) -> dict[str, Any]:
    asked = call.query_parameter("fields")
    names = asked.split(",") if asked else [f.name for f in sobject.fields.values()]
    return read_records(call, sobject, [record_id], names)[0] or {}


def read_records(
    call: Call, sobject: SObject, record_ids: list[str], names: list[str]
) -> list[dict[str, Any] | None]:
    """The living rows with these ids and fields, in this order; None where there is none."""
    fields = []
    for name in names:
        field = sobject.field(name.strip())
        if field is None:
            raise ApiError(
                400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}"
            )
        fields.append(field)
    expressions = ", ".join(f.sql.format(*["t0"] * 9) for f in fields)
    marks = ", ".join("?" * len(record_ids))
    living = 'and t0."IsDeleted" = 0' if sobject.recycles else ""
    found = {
        row[0]: row[1:]
        for row in call.store.tuples(
            f'select t0."Id", {expressions} from "{sobject.name}" as t0 '
            f'where t0."Id" in ({marks}) {living}',
            record_ids,
        )
    }
    result: list[dict[str, Any] | None] = []
    for record_id in record_ids:
        if record_id not in found:
            result.append(None)
            continue
        record: dict[str, Any] = {"attributes": attributes(sobject.name, record_id, call.root)}
        for field, value in zip(fields, found[record_id], strict=True):
            record[field.name] = values.as_json(field, value)
        result.append(record)
    return result


def _not_refused(call: Call, given: Given) -> Given:
    row = with_faults(call, [given])[0]
    if isinstance(row, RowError):
        raise for_single_row(row)
    return row


def _saved(outcomes: list[Outcome]) -> Outcome:
    outcome = outcomes[0]
    if outcome.error is not None:
        raise for_single_row(outcome.error)
    return outcome
