"""Rows on their way in: a JSON record or the cells of a CSV line become a row ready to save."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.faults import Fault
from sandbox.store import Row
from sandbox.vendors.salesforce import values
from sandbox.vendors.salesforce.call import Call
from sandbox.vendors.salesforce.errors import ApiError, RowError
from sandbox.vendors.salesforce.records import Given, refused_fields
from sandbox.vendors.salesforce.schema import Field, SObject

NULL_CELL = "#N/A"


def from_json(sobject: SObject, record: dict[str, Any], *, is_new: bool) -> Given:
    """A JSON record as a row.

    Raises ``INVALID_FIELD`` for an unknown field and ``JSON_PARSER_ERROR`` for a value of the wrong
    type: Salesforce refuses the whole request for these.
    """
    row: Row = {}
    for name, value in record.items():
        if name == "attributes":
            continue
        field = sobject.field(name)
        if field is None:
            raise ApiError(
                400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}"
            )
        try:
            row[field.name] = values.rounded(field, values.convert(field, value))
        except values.WrongTypeError:
            raise ApiError(
                400,
                "JSON_PARSER_ERROR",
                f"Cannot deserialize instance of {field.type} from {_json_kind(value)} value "
                f"{value} or request may be missing a required field at [line:1, column:1]",
            ) from None
    return refused_fields(sobject, list(row), is_new=is_new) or row


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return f"VALUE_{str(value).upper()}"
    if isinstance(value, (int, float)):
        return "VALUE_NUMBER"
    return "VALUE_STRING" if isinstance(value, str) else "START_OBJECT"


def from_cells(fields: Sequence[Field], cells: Sequence[str]) -> Given:
    """The cells of a CSV line as a row: empty leaves a field alone, ``#N/A`` clears it."""
    row: Row = {}
    for column, (field, cell) in enumerate(zip(fields, cells, strict=True)):
        if cell == "":
            continue
        try:
            value = None if cell == NULL_CELL else cell
            row[field.name] = values.rounded(field, values.convert(field, value))
        except values.WrongTypeError:
            return values.wrong_cell(field, column, cell)
    return row


def with_faults(call: Call, given: list[Given]) -> list[Given]:
    """The rows, some of them refused where a fault of this call says so."""
    return refuse_rows(
        given, locked=call.fault("locked_row"), failing=call.fault("partial_failure")
    )


def refuse_rows(given: list[Given], *, locked: Fault | None, failing: Fault | None) -> list[Given]:
    """Refuse the rows that a fault picks: ``every_nth``, or one of ``keys`` among its values."""
    result = list(given)
    for fault in (locked, failing):
        if fault is None:
            continue
        nth = int(fault.params.get("every_nth", 1))
        keys = {str(key) for key in fault.params.get("keys", [])}
        for position, row in enumerate(given):
            if isinstance(row, RowError):
                continue
            if keys:
                picked = not keys.isdisjoint(str(value) for value in row.values())
            else:
                picked = (position + 1) % nth == 0
            if picked:
                result[position] = _error_of(fault, row)
    return result


def locked(held: object) -> RowError:
    """Another transaction holds the record."""
    return RowError(
        "UNABLE_TO_LOCK_ROW",
        f"unable to obtain exclusive access to this record or 1 records: {held or '001'}",
    )


def _error_of(fault: Fault, row: Row) -> RowError:
    if fault.kind == "locked_row":
        held = row.get("AccountId") or row.get("CampaignId") or row.get("Id") or row.get("OwnerId")
        return locked(held)
    return RowError(
        str(fault.params.get("code", "FIELD_CUSTOM_VALIDATION_EXCEPTION")),
        str(fault.params.get("message", "refused by a validation rule")),
        tuple(fault.params.get("fields", ())),
    )
