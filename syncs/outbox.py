"""The outbox: what is to be delivered, what is in flight, and what became of each row.

Delivery works from here alone; the warehouse is closed by then. ``sent`` moves only by rows that
the destination acknowledged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

import pyarrow as pa

from headwater.errors import HeadwaterError
from syncs.destination import Batch, Change, Operation, Outcome, RowResult
from syncs.look_before import Edit, Narrowed
from syncs.run_ledger import fenced
from syncs.state import RowState, State, naive

STATE_OF = {
    Outcome.DELIVERED: RowState.DELIVERED,
    Outcome.REJECTED: RowState.REJECTED,
    Outcome.RETRY: RowState.PENDING,
    Outcome.UNSENT: RowState.PENDING,
    Outcome.UNTRIED: RowState.PENDING,
    Outcome.UNKNOWN: RowState.UNKNOWN,
}

OPERATIONS = {operation.value: operation for operation in Operation}


class Outbox:
    """The outbox of one sync, in its open state. ``run_id`` is the run that is delivering,
    ``fence`` the number that says whether it still may."""

    def __init__(self, state: State, run_id: str, fence: int) -> None:
        self.state = state
        self.fence = fence
        self.run_id = run_id
        self._batches = 0

    def pending(self, limit: int) -> list[Change]:
        """The next rows to send: those that were tried least come first, so that a row that gets
        no answer does not stand in the way of the others, and suspects come last."""
        return _changes(
            self.state.rows(
                "select seq, key, operation, fields, token, destination_id, "
                "case when operation = 'update' then after else '{}' end, before, suspect, parent "
                "from outbox where run_id = $run_id and seq in ("
                "    select seq from outbox where run_id = $run_id and state = 'pending' "
                "    order by suspect, attempts, seq limit $number"  # sorts no more than it must
                ") order by suspect, attempts, seq",
                {"run_id": self.run_id, "number": limit},
            )
        )

    def mark_in_flight(self, changes: Sequence[Change], now: datetime) -> Batch:
        """Make durable that these rows are about to leave, before they do."""
        self._batches += 1
        batch = Batch(f"{self.run_id}/{self._batches:06d}", tuple(changes))
        leaving = {"seq": pa.array([change.seq for change in changes], pa.int64())}
        said = {"batch_id": batch.batch_id, "run_id": self.run_id, "now": naive(now)}
        with self.transaction(), self.state.given("leaving", pa.table(leaving)):
            self.state.change(
                "insert into attempts (batch_id, run_id, rows, started_at) "
                "values ($batch_id, $run_id, $number, $now)",
                {**said, "number": len(changes)},
            )
            self.state.change(
                """
                update outbox
                set
                    state = 'in_flight', batch_id = $batch_id, attempts = attempts + 1,
                    changed_at = $now
                from leaving
                where outbox.run_id = $run_id and outbox.seq = leaving.seq
                    and outbox.seq between $first and $last
                """,
                {**said, **_reach(changes)},
            )
        return batch

    def remember_handle(self, batch_id: str, handle: str) -> None:
        """Make the vendor's name of a batch durable."""
        with self.transaction():
            self.state.change(
                "update attempts set handle = $handle where batch_id = $batch_id",
                {"handle": handle, "batch_id": batch_id},
            )

    def leave_out(self, narrowed: Sequence[Narrowed]) -> None:
        """Send less of some rows; ``after`` says what ``sent`` is to know of the rest."""
        if not narrowed:
            return
        seqs = pa.table({"seq": pa.array([item.change.seq for item in narrowed], pa.int64())})
        with self.transaction():
            with self.state.given("looked_at", seqs):
                known = dict(
                    self.state.rows(
                        "select seq, after from outbox "
                        "where run_id = $run_id and seq in (select seq from looked_at)",
                        {"run_id": self.run_id},
                    )
                )
            left = {
                "seq": seqs["seq"],
                "fields": _texts(json.dumps(dict(item.change.fields)) for item in narrowed),
                "after": _texts(
                    json.dumps({**json.loads(known[item.change.seq]), **item.held})
                    for item in narrowed
                ),
            }
            with self.state.given("left_of_it", pa.table(left)):
                self.state.change(
                    """
                    update outbox
                    set fields = left_of_it.fields, after = left_of_it.after
                    from left_of_it
                    where outbox.run_id = $run_id and outbox.seq = left_of_it.seq
                    """,
                    {"run_id": self.run_id},
                )

    def note_edits(self, edits: Sequence[Edit], now: datetime) -> None:
        """Keep what other people were seen to have written over us."""
        if not edits:
            return
        seen = {
            "key": _texts(edit.key for edit in edits),
            "field": _texts(edit.field for edit in edits),
            "written": _texts(json.dumps(edit.written) for edit in edits),
            "found": _texts(json.dumps(edit.found) for edit in edits),
            "wanted": _texts(json.dumps(edit.wanted) for edit in edits),
            "kept": pa.array([edit.kept for edit in edits]),
        }
        with self.transaction(), self.state.given("seen", pa.table(seen)):
            self.state.change(
                """
                insert into edits (run_id, key, field, written, found, wanted, kept, seen_at)
                select
                    cast($run_id as varchar), key, field, written, found, wanted, kept,
                    cast($now as timestamp)
                from seen
                """,
                {"run_id": self.run_id, "now": naive(now)},
            )

    def record(self, batch: Batch, results: Sequence[RowResult], now: datetime) -> None:
        """Make the answers of a batch durable. Every row of it must have exactly one.

        Raises :class:`HeadwaterError` when a destination answered for other rows than it was given.
        """
        by_key = {result.key: result for result in results}
        asked = {change.key for change in batch.changes}
        if len(by_key) != len(results) or set(by_key) != asked:
            raise HeadwaterError(
                f"Batch {batch.batch_id}: {len(asked)} rows were sent and {len(results)} answered.",
                next_step="This is a mistake in the destination's code; the rows stay in flight "
                "and are resolved by the next run.",
            )
        ordered = [by_key[change.key] for change in batch.changes]
        answers = {
            "seq": pa.array([change.seq for change in batch.changes], pa.int64()),
            "state": _texts(STATE_OF[result.outcome].value for result in ordered),
            "untried": pa.array([result.outcome is Outcome.UNTRIED for result in ordered]),
            "destination_id": _texts(result.destination_id for result in ordered),
            "code": _texts(_kept(result.code) for result in ordered),
            "message": _texts(_kept(result.message) for result in ordered),
            "spoils": pa.array([result.spoils for result in ordered]),
        }
        said = {"now": naive(now), "batch_id": batch.batch_id}
        with self.transaction(), self.state.given("answer", pa.table(answers)):
            self.state.change(
                """
                update outbox
                set
                    state = answer.state,
                    attempts = outbox.attempts - cast(answer.untried as integer),
                    destination_id = coalesce(answer.destination_id, outbox.destination_id),
                    code = answer.code,
                    message = answer.message,
                    spoils = answer.spoils,
                    changed_at = $now
                from answer
                where outbox.run_id = $run_id and outbox.seq = answer.seq
                    and outbox.seq between $first and $last and outbox.batch_id = $batch_id
                """,
                {**said, **_reach(batch.changes), "run_id": batch.batch_id.rpartition("/")[0]},
            )
            self.state.change(
                "update attempts set finished_at = $now where batch_id = $batch_id", said
            )

    def excuse(self, changes: Sequence[Change], code: str) -> None:
        """Give rejected rows ``code`` instead: it was not them that the batch was refused for."""
        given = {"seq": pa.array([change.seq for change in changes], pa.int64())}
        with self.transaction(), self.state.given("excused", pa.table(given)):
            self.state.change(
                "update outbox set code = $code, spoils = false from excused "
                "where outbox.run_id = $run_id and outbox.seq = excused.seq "
                "and outbox.state = 'rejected'",
                {"code": code, "run_id": self.run_id},
            )

    def leftovers(self) -> list[Batch]:
        """Batches of this or earlier runs whose fate is open, oldest first."""
        rows = self.state.rows(
            """
            select
                outbox.seq, outbox.key, outbox.operation, outbox.fields, outbox.token,
                outbox.destination_id,
                case when outbox.operation = 'update' then outbox.after else '{}' end,
                outbox.before, outbox.suspect, outbox.parent, outbox.batch_id, attempts.handle
            from outbox
            inner join attempts on attempts.batch_id = outbox.batch_id
            where outbox.state in ('in_flight', 'unknown')
            order by outbox.batch_id, outbox.seq
            """
        )
        batches: dict[str, list[Change]] = {}
        handles: dict[str, str | None] = {}
        for row, change in zip(rows, _changes(rows), strict=True):
            batches.setdefault(row[10], []).append(change)
            handles[row[10]] = row[11]
        return [Batch(name, tuple(changes), handles[name]) for name, changes in batches.items()]

    def count(self, *states: RowState) -> int:
        """Rows of this run in any of these states."""
        found = self.state.rows(
            "select count(*) from outbox where run_id = $run_id and state = any($states)",
            {"run_id": self.run_id, "states": [state.value for state in states]},
        )
        return int(found[0][0])

    def attempts(self, seqs: Sequence[int]) -> dict[int, int]:
        """How often rows of this run have been sent so far."""
        asked = pa.table({"seq": pa.array(seqs, pa.int64())})
        with self.transaction(), self.state.given("asked", asked):
            return dict(
                self.state.rows(
                    "select seq, attempts from outbox "
                    "where run_id = $run_id and seq in (select seq from asked)",
                    {"run_id": self.run_id},
                )
            )

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction of this run; refused when a newer run has begun."""
        return fenced(self.state, self.fence)


def _reach(changes: Sequence[Change]) -> dict[str, int]:
    """The first and the last row: PostgreSQL knows nothing of the size of a temporary table, and
    would look through the whole outbox for a batch."""
    seqs = [change.seq for change in changes]
    return {"first": min(seqs, default=0), "last": max(seqs, default=0)}


def _texts(values: Iterable[str | None]) -> pa.Array:
    return pa.array(list(values), pa.string())


def _kept(said: str | None) -> str | None:
    """What a vendor said, as both places can keep it: half a surrogate pair is no UTF-8, and
    PostgreSQL keeps no NUL. Answers that cannot be recorded would be asked for again for ever."""
    if said is None:
        return None
    return said[:2000].encode("utf-8", "replace").decode().replace("\0", "")


def _changes(rows: Sequence[tuple[Any, ...]]) -> list[Change]:
    """Rows of seq, key, operation, fields, token, destination id, all fields of an update,
    what was acknowledged before, whether it is a suspect, its parent; the JSON of all rows in one
    parse."""
    fields = json.loads(f"[{','.join(row[3] for row in rows)}]")
    wholes = json.loads(f"[{','.join(row[6] for row in rows)}]")
    befores = json.loads(f"[{','.join(row[7] for row in rows)}]")
    return [
        Change(
            row[0],
            row[1],
            OPERATIONS[row[2]],
            content,
            row[4],
            row[5],
            whole,
            bool(row[8]),
            before,
            row[9],
        )
        for row, content, whole, before in zip(rows, fields, wholes, befores, strict=True)
    ]
