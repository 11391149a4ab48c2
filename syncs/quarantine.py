"""Rows that a destination keeps refusing: owed, told, and out of the way of the others.

A refused row is sent again by the next run. When the destination has refused the same content in
``QUARANTINE_AFTER`` runs, it waits: first a day, then longer, at most a week, as long as it takes.
It is let go at once when its row changes (another content is another matter), when the definition
writes it otherwise or elsewhere, when the destination's fields change, or when a person asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from syncs.state import State, naive

QUARANTINE_AFTER = 3
"""Runs in which the same content was refused before it waits: a vendor's bad day ends sooner."""
WAIT_HOURS = (20, 44, 92, 164)
"""Hours until the next try, the last for every one after it: somewhat less than one, two, four and
seven days, so that a daily run does not come just too early."""
BATCH_REFUSED = "BATCH_REFUSED"
"""The code of rows refused with their batch for a cause that is not in them: they never wait."""


def learn(state: State, now: datetime, destination_fields: str | None, writing: str) -> None:
    """Take over what became of rows of the outbox that is not known yet (not ``settled``).
    ``writing``: md5 of how the definition writes them.

    To be called within a transaction, before those rows are marked settled.
    """
    state.change(
        "delete from refused where key in "
        "(select key from outbox where state = 'delivered' and not settled)"
    )
    state.change("drop table if exists refused_now")
    state.change(
        """
        create temp table refused_now as
        with latest as (
            select *, row_number() over (partition by key order by run_id desc, seq desc) as place
            from outbox
            where state = 'rejected' and not settled
        )

        select
            latest.key, latest.content, latest.operation, latest.fields, latest.code,
            latest.message, latest.spoils,
            coalesce(refused.attempts, 0) + 1 as attempts,
            refused.first_seen_at
        from latest
        left join refused on refused.key = latest.key and refused.content = latest.content
        where latest.place = 1
        """
    )
    state.change("delete from refused where key in (select key from refused_now)")
    waits = {
        f"retry_{n}": naive(now + timedelta(hours=hours)) for n, hours in enumerate(WAIT_HOURS)
    }
    longest = len(WAIT_HOURS) - 1
    by_attempts = " ".join(f"when {n} then cast($retry_{n} as timestamp)" for n in range(longest))
    state.change(
        f"""
        insert into refused (
            key, content, operation, fields, code, message, spoils, attempts, first_seen_at,
            last_seen_at, retry_at, destination_fields, writing
        )
        select
            key, content, operation, fields, code, message, spoils, attempts,
            coalesce(first_seen_at, cast($now as timestamp)),
            cast($now as timestamp),
            case
                when attempts >= $after and code is distinct from $batch_refused then
                    case attempts - $after
                        {by_attempts} else cast($retry_{longest} as timestamp)
                    end
            end,
            cast($destination_fields as varchar),
            cast($writing as varchar)
        from refused_now
        """,  # noqa: S608 (our own numbers)
        {
            "now": naive(now),
            "after": QUARANTINE_AFTER,
            "batch_refused": BATCH_REFUSED,
            "destination_fields": destination_fields,
            "writing": writing,
            **waits,
        },
    )


def are_waiting(state: State, now: datetime) -> bool:
    """Whether any row waits at ``now``."""
    found = state.rows("select 1 from refused where retry_at > $now limit 1", {"now": naive(now)})
    return bool(found)


def hold_back(state: State, now: datetime, destination_fields: str | None, writing: str) -> int:
    """Take rows that wait out of the temporary table ``planned``, and mark suspects.

    ``destination_fields``: md5 of the destination's fields now, None where it is not known;
    ``writing``: md5 of how the definition writes. Rows refused under others are let go. Returns how
    many rows wait.
    """
    state.fetch(
        "known_refusal",
        "select key, content, retry_at, spoils, destination_fields, writing from refused",
    )
    waiting = state.compute.execute(
        """
        delete from planned
        using known_refusal as refused
        where refused.key = planned.key
            and refused.content = planned.content
            and refused.retry_at > $now
            and ($fields is null or refused.destination_fields is not distinct from $fields)
            and refused.writing = $writing
        """,
        {"now": naive(now), "fields": destination_fields, "writing": writing},
    ).fetchall()[0][0]
    state.compute.execute(
        "update planned set suspect = true from known_refusal as refused "
        "where refused.key = planned.key and refused.content = planned.content and refused.spoils"
    )
    return int(waiting)


def forget_what_is_over(state: State) -> None:
    """Forget refusals of what is no longer ``planned``: keys gone, other content. Within a
    transaction."""
    if not state.rows("select 1 from refused limit 1"):
        return
    with state.given("still_planned", "select key, content from planned"):
        state.change(
            "delete from refused where not exists (select 1 from still_planned as planned "
            "where planned.key = refused.key and planned.content = refused.content)"
        )


def release(state: State, keys: Sequence[str]) -> int:
    """Let rows go with the next run: these keys, or all if none is given. Returns how many."""
    return state.change(
        "update refused set retry_at = null "
        "where retry_at is not null and ($all or key = any($keys))",
        {"all": not keys, "keys": list(keys)},
    )
