"""What the org writes by itself when an opportunity changes: its stage history, and a row for
each change of a tracked field.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.vendors.salesforce import schema
from sandbox.vendors.salesforce.store import Store

Row = dict[str, Any]
STAGES, FIELDS = "opportunityhistory", "opportunityfieldhistory"
STAGE_FIELDS = ("StageName", "Amount", "CloseDate", "Probability")
TRACKED = {
    "StageName": "DynamicEnum",
    "Amount": "Currency",
    "CloseDate": "DateOnly",
    "OwnerId": "EntityId",
}
"""Fields whose changes are tracked, and the data type that their history rows name."""
FORECAST = {"Closed Won": "Closed", "Closed Lost": "Omitted"}


def stage_row(before: Row | None, after: Row) -> Row | None:
    """The row of ``OpportunityHistory`` for a change, without id and stamps; None when it is about
    other fields."""
    if before is not None and all(before.get(name) == after.get(name) for name in STAGE_FIELDS):
        return None
    amount, probability = after.get("Amount"), after.get("Probability")
    expected = None if amount is None or probability is None else amount * probability / 100
    return {
        "OpportunityId": after["Id"],
        **{name: after.get(name) for name in STAGE_FIELDS},
        "ExpectedRevenue": expected,
        "ForecastCategory": FORECAST.get(str(after.get("StageName")), "Pipeline"),
    }


def field_rows(before: Row | None, after: Row) -> list[Row]:
    """The rows of ``OpportunityFieldHistory`` for a change; of a new record one row says so."""
    about = {"OpportunityId": after["Id"]}
    if before is None:
        return [about | {"Field": "created", "DataType": None, "OldValue": None, "NewValue": None}]
    return [
        about
        | {
            "Field": name,
            "DataType": kind,
            "OldValue": _text(before.get(name)),
            "NewValue": _text(after.get(name)),
        }
        for name, kind in TRACKED.items()
        if before.get(name) != after.get(name)
    ]


def remember(store: Store, stamps: Row, changes: Sequence[tuple[Row | None, Row]]) -> None:
    """Write the history of changes, each an opportunity before (None if it is new) and after."""
    stages = [row for before, after in changes if (row := stage_row(before, after))]
    fields = [row for before, after in changes for row in field_rows(before, after)]
    for name, rows in ((STAGES, stages), (FIELDS, fields)):
        history = schema.objects()[name]
        kept = {field: value for field, value in stamps.items() if history.field(field)}
        new_ids = store.new_ids(history.prefix, len(rows)) if rows else []
        complete = [
            {**row, **kept, "IsDeleted": False, "Id": record_id}
            for record_id, row in zip(new_ids, rows, strict=True)
        ]
        store.insert_rows(history, complete)


def put_into_bin(store: Store, stamps: Row, opportunities: Sequence[str]) -> None:
    """The history rows of opportunities go to the recycle bin with them."""
    for name in (STAGES, FIELDS):
        history = schema.objects()[name]
        kept = {field: value for field, value in stamps.items() if history.field(field)}
        rows = store.by_ids(history, "OpportunityId", opportunities)
        store.update_rows(history, [(row["Id"], kept) for row in rows])


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
