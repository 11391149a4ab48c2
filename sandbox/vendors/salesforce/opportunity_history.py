"""What the org writes by itself when an opportunity changes: its stage history, and a row for
each change of a tracked field. Rows here are fields by name, without ids and stamps.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]
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
    """The row of ``OpportunityHistory`` for a change, None when it is about other fields."""
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


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
