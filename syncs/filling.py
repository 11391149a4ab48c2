"""The plan becomes the outbox: from here on a row is either delivered, rejected or owed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from syncs.outbox import Outbox
from syncs.state import naive

_PLANNED = """
select
    seq, key, operation, fields::varchar as fields, before::varchar as before,
    after::varchar as after, model_hash, destination_id, content, suspect,
    parent::varchar as parent
from planned
"""
_ADOPTED = "select key, model_hash, after::varchar as after, destination_id from adopted"


def fill(outbox: Outbox, name: str, now: datetime) -> None:
    """Take over the planned rows of the difference, and adopt what was right already.

    Pending and rejected rows of earlier runs are superseded: the difference has planned anew
    what is still to be sent. ``runs`` keeps their figures.
    """
    this_run = {"run_id": outbox.run_id, "now": naive(now)}
    with outbox.transaction():
        outbox.state.change(
            "update outbox set state = 'superseded', changed_at = $now "
            "where state in ('pending', 'rejected') and run_id <> $run_id",
            this_run,
        )
        with outbox.state.given("taken_over", _PLANNED):
            outbox.state.change(
                """
                insert into outbox (
                    run_id, seq, key, operation, fields, before, after, model_hash, token,
                    destination_id, state, attempts, settled, changed_at, content, suspect,
                    spoils, parent
                )
                select
                    cast($run_id as varchar), seq, key, operation, fields, before, after,
                    model_hash, md5($name || ':' || key), destination_id, 'pending', 0, false,
                    cast($now as timestamp), content, suspect, false,
                    parent
                from taken_over
                """,
                {**this_run, "name": name},
            )
        if outbox.state.compute.execute("select exists (from adopted)").fetchall()[0][0]:
            _adopt(outbox, this_run)


def _adopt(outbox: Outbox, this_run: Mapping[str, object]) -> None:
    with outbox.state.given("taken_as_sent", _ADOPTED):
        outbox.state.change("delete from sent where key in (select key from taken_as_sent)")
        outbox.state.change(
            """
            insert into sent (
                key, model_hash, fields, destination_id, acknowledged_at, run_id
            )
            select
                key, model_hash, after, destination_id, cast($now as timestamp),
                cast($run_id as varchar)
            from taken_as_sent
            """,
            this_run,
        )
