"""A metric of the score, and the connection that metrics are computed on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from headwater.errors import SettingsError
from headwater.settings import Settings
from headwater.warehouse import connect, quote

Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class Metric:
    """One figure: ``value`` against ``floor`` (None: reported only) over ``n`` cases."""

    metric: str
    value: float
    floor: float | None
    n: int
    note: str = ""

    @property
    def passes(self) -> bool:
        """Whether the value reaches the floor on at least one case."""
        return self.floor is None or (self.n > 0 and self.value >= self.floor)

    def as_dict(self) -> dict[str, Any]:
        """As ``var/score.json`` holds it."""
        fields = asdict(self)
        return {
            "metric": fields["metric"],
            "value": fields["value"],
            "floor": fields["floor"],
            "pass": self.passes,
            "n": fields["n"],
            "note": fields["note"],
        }


def share(part: float | None, whole: float | None) -> float:
    """``part / whole``, and 0 where there is nothing."""
    return float(part or 0) / float(whole) if whole else 0.0


def row(connection: Connection, sql: str, parameters: object = None) -> tuple[Any, ...]:
    """The one row of a query."""
    found = connection.execute(sql, parameters).fetchone()
    if found is None:
        raise SettingsError("A query of the score gave no row.", next_step="Run a cycle first.")
    return found


@contextmanager
def opened(warehouse: Path, home: Path) -> Iterator[Connection]:
    """The warehouse, read-only, with a view for each truth table of the sandbox in ``home``.

    Raises :class:`SettingsError` if there is no truth or no warehouse.
    """
    files = sorted((home / "truth").glob("truth_*.parquet"))
    if not files:
        raise SettingsError(
            f"There is no planted truth in {home / 'truth'}.",
            next_step="Build the demo company first: make demo, or python -m sandbox build.",
        )
    with connect(Settings(), read_only=True, path=warehouse) as connection:
        for file in files:
            path = str(file).replace("'", "''")
            connection.execute(
                f"create temp view {quote(file.stem)} as select * from read_parquet('{path}')"
            )
        yield connection
