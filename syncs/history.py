"""What runs did: the latest runs of a sync, and what was sent for each key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headwater.database import NONE, Parameters
from headwater.settings import Settings
from syncs.state import look_at_state

RUN = (
    "run_id", "cycle_id", "as_of", "started_at", "finished_at", "status", "reason", "planned",
    "created", "updated", "removed", "adopted", "unchanged", "recovered", "rejected", "quarantined",
    "owed", "calls", "least_calls", "warehouse_seconds", "model_rows", "request", "left_out",
    "audited", "fence",
)  # fmt: skip
SENT = ("run_id", "key", "operation", "state", "before", "fields", "destination_id", "code",
        "message", "attempts", "batch_id", "changed_at")  # fmt: skip
REFUSED = ("key", "operation", "code", "message", "attempts", "first_seen_at", "last_seen_at",
           "retry_at", "fields")  # fmt: skip
EDIT = ("seen_at", "run_id", "key", "field", "written", "found", "wanted", "kept")


def status(name: str, settings: Settings, *, runs: int = 10) -> list[dict[str, Any]]:
    """The latest runs of a sync, newest first; empty if it never ran."""
    return _found(
        name,
        settings,
        RUN,
        "runs order by started_at desc, run_id desc limit $number",
        {"number": runs},
    )


def last_run_of(name: str, settings: Settings, cycle_id: str | None) -> dict[str, Any] | None:
    """The latest run of a sync that belonged to a cycle."""
    found = _found(
        name,
        settings,
        RUN,
        "runs where cycle_id = $cycle_id order by started_at desc, run_id desc limit 1",
        {"cycle_id": cycle_id},
    )
    return found[0] if found else None


def rows(
    name: str,
    settings: Settings,
    key: str | None = None,
    *,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """What was sent for one key (or for all), newest first: operation, before, fields, answer."""
    return _found(
        name,
        settings,
        SENT,
        "outbox where cast($key as varchar) is null or key = $key "
        "order by changed_at desc, run_id desc, seq limit $number",
        {"key": key, "number": limit},
    )


def owed(name: str, settings: Settings) -> list[dict[str, Any]]:
    """Rows that the destination refused and that are still to be sent, worst first: what it said,
    when first and last, how often, the fields, and until when they wait (null: next run)."""
    return _found(name, settings, REFUSED, "refused order by attempts desc, key")


def edits(name: str, settings: Settings, *, limit: int = 50) -> list[dict[str, Any]]:
    """Fields that other people were seen to have changed since we wrote them, newest first."""
    return _found(
        name,
        settings,
        EDIT,
        "edits order by seen_at desc, key, field limit $number",
        {"number": limit},
    )


def _found(
    name: str,
    settings: Settings,
    columns: Sequence[str],
    which: str,
    parameters: Parameters = NONE,
) -> list[dict[str, Any]]:
    """Columns of rows of a table, as dicts; nothing where the sync remembers nothing."""
    with look_at_state(settings, name) as state:
        if state is None:
            return []
        statement = f"select {', '.join(columns)} from {which}"  # noqa: S608 (our own text)
        return [dict(zip(columns, row, strict=True)) for row in state.rows(statement, parameters)]
