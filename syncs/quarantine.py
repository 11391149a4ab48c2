"""Rows that a destination keeps refusing: owed, told, and out of the way of the others.

A refused row is sent again by the next run. When the destination has refused the same content in
``QUARANTINE_AFTER`` runs, it waits: first a day, then longer, at most a week, as long as it takes.
It is let go at once when its row or the field map changes (another content is another matter),
when the destination's fields change, or when a person asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from syncs.state import naive, one

QUARANTINE_AFTER = 3
"""Runs in which the same content was refused before it waits: a vendor's bad day ends sooner."""
WAIT_HOURS = (20, 44, 92, 164)
"""Hours until the next try, the last for every one after it: somewhat less than one, two, four and
seven days, so that a daily run does not come just too early."""
BATCH_REFUSED = "BATCH_REFUSED"
"""The code of rows refused with their batch for a cause that is not in them: they never wait."""


def learn(
    connection: duckdb.DuckDBPyConnection, now: datetime, destination_fields: str | None
) -> None:
    """Take over what became of rows of the outbox that is not known yet (not ``settled``).

    To be called within a transaction, before those rows are marked settled.
    """
    connection.execute(
        "delete from refused where key in "
        "(select key from outbox where state = 'delivered' and not settled)"
    )
    connection.execute(
        """
        create or replace temp table refused_now as
        select
            outbox.key, outbox.content, outbox.operation, outbox.fields, outbox.code,
            outbox.message, outbox.spoils,
            coalesce(refused.attempts, 0) + 1 as attempts,
            coalesce(refused.first_seen_at, $now) as first_seen_at
        from outbox
        left join refused on refused.key = outbox.key and refused.content = outbox.content
        where outbox.state = 'rejected' and not outbox.settled
        qualify row_number() over (partition by outbox.key order by outbox.run_id desc) = 1
        """,
        {"now": naive(now)},
    )
    connection.execute("delete from refused where key in (select key from refused_now)")
    connection.execute(
        """
        insert into refused
        select
            key, content, operation, fields, code, message, spoils, attempts, first_seen_at, $now,
            case
                when attempts >= $after and code is distinct from $batch_refused then
                    $now + to_hours($hours[least(attempts - $after + 1, len($hours))])
            end,
            $destination_fields
        from refused_now
        """,
        {
            "now": naive(now),
            "after": QUARANTINE_AFTER,
            "hours": list(WAIT_HOURS),
            "batch_refused": BATCH_REFUSED,
            "destination_fields": destination_fields,
        },
    )


def are_waiting(connection: duckdb.DuckDBPyConnection, now: datetime) -> bool:
    """Whether any row waits at ``now``."""
    return bool(one(connection, "select count(*) from refused where retry_at > ?", [naive(now)]))


def hold_back(
    connection: duckdb.DuckDBPyConnection, now: datetime, destination_fields: str | None
) -> int:
    """Take rows that wait out of the temporary table ``planned``, and mark suspects.

    ``destination_fields``: md5 of the destination's fields now, None where it is not known; rows
    refused under other fields are let go. Returns how many rows wait.
    """
    connection.execute(
        """
        delete from planned
        using refused
        where refused.key = planned.key
            and refused.content = planned.content
            and refused.retry_at > $now
            and ($fields is null or refused.destination_fields is not distinct from $fields)
        """,
        {"now": naive(now), "fields": destination_fields},
    )
    waiting = connection.fetchall()[0][0]
    connection.execute(
        "update planned set suspect = true from refused "
        "where refused.key = planned.key and refused.content = planned.content and refused.spoils"
    )
    return int(waiting)


def forget_what_is_over(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget refusals of what is no longer ``planned``: keys gone, other content."""
    connection.execute(
        """
        delete from refused
        where not exists (
            from planned where planned.key = refused.key and planned.content = refused.content
        )
        """
    )


def release(connection: duckdb.DuckDBPyConnection, keys: Sequence[str]) -> int:
    """Let rows go with the next run: these keys, or all if none is given. Returns how many."""
    connection.execute(
        "update refused set retry_at = null "
        "where retry_at is not null and (len($keys) = 0 or list_contains($keys, key))",
        {"keys": list(keys)},
    )
    return int(connection.fetchall()[0][0])
