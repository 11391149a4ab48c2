"""What a run leaves behind: ``sent`` and ``refused`` moved by what became of its rows, and what
nobody asks about any more forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta

from syncs import quarantine
from syncs.outbox import Outbox
from syncs.state import naive

KEEP_DAYS = 90
"""How long a row that is done with can be looked up (``headwater sync log``): a quarter, as long as
people ask why a record says what it says. Nothing is computed from these rows, and without a limit
the file would grow with every change."""


def settle(
    outbox: Outbox, now: datetime, writing: str, destination_fields: str | None = None
) -> None:
    """Move ``sent`` by every acknowledged row that it does not know of yet, and ``refused`` by
    every refused one. ``writing``: md5 of how the definition writes; ``destination_fields``: of the
    destination's fields, if known."""
    state = outbox.state
    if not state.rows(
        "select 1 from outbox where state in ('delivered', 'rejected') and not settled limit 1"
    ):
        return  # `sent` may be large: it is not looked through for nothing
    with outbox.transaction():
        quarantine.learn(state, now, destination_fields, writing)
        state.change(
            "delete from sent where key in "
            "(select key from outbox where state = 'delivered' and not settled)"
        )
        state.change(
            """
            insert into sent (key, model_hash, fields, destination_id, acknowledged_at, run_id)
            select key, model_hash, after, destination_id, cast($now as timestamp), run_id
            from (
                select
                    *,
                    row_number() over (partition by key order by run_id desc, seq desc) as place
                from outbox
                where state = 'delivered' and not settled
            ) as acknowledged
            where place = 1 and operation <> 'remove'
            """,
            {"now": naive(now)},
        )
        state.change(
            "update outbox set settled = true "
            "where state in ('delivered', 'rejected') and not settled"
        )


def prune(outbox: Outbox, now: datetime) -> None:
    """Forget the rows that earlier runs have done with and that are older than ``KEEP_DAYS``,
    and the attempts they were sent in. ``sent`` and ``runs`` stay whole."""
    old = {"run_id": outbox.run_id, "before": naive(now - timedelta(days=KEEP_DAYS))}
    with outbox.transaction():
        outbox.state.change(
            "delete from outbox where run_id <> $run_id and changed_at < $before "
            "and (state = 'superseded' or (state = 'delivered' and settled))",
            old,
        )
        outbox.state.change(
            "delete from attempts where run_id <> $run_id and started_at < $before "
            "and not exists (select 1 from outbox where outbox.batch_id = attempts.batch_id)",
            old,
        )
