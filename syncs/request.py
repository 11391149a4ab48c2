"""What a person asks of one run beyond the definition: part of the plan, a trial, an undo."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from syncs.definition import Canary
from syncs.sealed_plan import SealedPlan, keep_what_was_sealed


@dataclass(frozen=True)
class Request:
    """One run's wishes; the default is the whole plan.

    ``accepted``: guards to overrule. ``sealed``: only the rows of this plan that are still the
    same. ``keys``: only these. ``sample``: only so many rows. ``canary``: instead of the
    definition's.
    ``undo``: give back what this run of the sync changed, instead of what the model says.
    """

    accepted: frozenset[str] = frozenset()
    sealed: SealedPlan | None = None
    keys: frozenset[str] | None = None
    sample: int | None = None
    canary: Canary | None = None
    undo: str | None = None

    def __str__(self) -> str:
        """In words, for the run's row; empty where nothing was asked."""
        parts = [
            f"accepts {', '.join(sorted(self.accepted))}" if self.accepted else "",
            f"applies {self.sealed.plan_id}" if self.sealed else "",
            f"only {len(self.keys)} keys" if self.keys is not None else "",
            f"a sample of {self.sample}" if self.sample is not None else "",
            f"a canary of {self.canary.share:g}" if self.canary else "",
            f"undoes {self.undo}" if self.undo else "",
        ]
        return "; ".join(part for part in parts if part)

    def narrow(self, connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
        """Leave of the temporary table ``planned`` what is asked for.

        Returns how many rows were left out, and how many of the sealed plan are not the same any
        more.
        """
        before = _rows(connection)
        drifted = keep_what_was_sealed(connection, self.sealed) if self.sealed else 0
        if self.keys is not None:
            connection.execute(
                "delete from planned where not list_contains(?, key)", [sorted(self.keys)]
            )
        if self.sample is not None:
            connection.execute(
                "delete from planned where seq not in "
                "(select seq from planned order by seq limit ?)",
                [self.sample],
            )
        return before - _rows(connection), drifted


def _rows(connection: duckdb.DuckDBPyConnection) -> int:
    return int(connection.execute("select count(*) from planned").fetchall()[0][0])
