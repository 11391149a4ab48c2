"""What runs did: the latest runs of a sync, and what was sent for each key."""

from __future__ import annotations

from typing import Any

import duckdb

from headwater.settings import Settings
from syncs.state import look_at_state, state_path


def status(name: str, settings: Settings, *, runs: int = 10) -> list[dict[str, Any]]:
    """The latest runs of a sync, newest first; empty if it never ran."""
    if not state_path(settings, name).exists():
        return []
    with look_at_state(settings, name) as connection:
        return _dicts(
            connection.execute(
                "select * from runs order by started_at desc, run_id desc limit ?", [runs]
            )
        )


def rows(
    name: str,
    settings: Settings,
    key: str | None = None,
    *,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """What was sent for one key (or for all), newest first: operation, before, fields, answer."""
    if not state_path(settings, name).exists():
        return []
    with look_at_state(settings, name) as connection:
        return _dicts(
            connection.execute(
                "select run_id, key, operation, state, before, fields, destination_id, code, "
                "message, attempts, batch_id, changed_at from outbox "
                "where ? is null or key = ? "
                "order by changed_at desc, run_id desc, seq limit ?",
                [key, key, limit],
            )
        )


def owed(name: str, settings: Settings) -> list[dict[str, Any]]:
    """Rows that the destination refused and that are still to be sent, worst first: what it said,
    when first and last, how often, the fields, and until when they wait (null: next run)."""
    if not state_path(settings, name).exists():
        return []
    with look_at_state(settings, name) as connection:
        return _dicts(
            connection.execute(
                "select key, operation, code, message, attempts, first_seen_at, last_seen_at, "
                "retry_at, fields from refused order by attempts desc, key"
            )
        )


def edits(name: str, settings: Settings, *, limit: int = 50) -> list[dict[str, Any]]:
    """Fields that other people were seen to have changed since we wrote them, newest first."""
    if not state_path(settings, name).exists():
        return []
    with look_at_state(settings, name) as connection:
        return _dicts(
            connection.execute(
                "select seen_at, run_id, key, field, written, found, wanted, kept from edits "
                "order by seen_at desc, key, field limit ?",
                [limit],
            )
        )


def _dicts(cursor: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
