"""What dbt makes in one run: one command for several steps, ahead of those that show it.

A command costs tenths of a second before its first node, and it builds nodes of several steps side
by side. So the first dbt step of a run that is ready builds what is wanted of all that are, and the
others find their results here (docs/decisions/0003-dbt-in-process.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import duckdb

from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration.dbt_process import NodeResult, build
from orchestration.unchanged import UNCHANGED, Definitions, remember, unchanged

SECONDS_BETWEEN_WORDS = 5.0
Progress = Callable[[str], None]


class BuildAhead:
    """The results of a run's dbt commands, by node (unique id). Used from one thread.

    ``rows`` counts the rows of each table as DuckDB's catalog knows them: (schema, name) to count.
    """

    def __init__(self) -> None:
        self.rows: Mapping[tuple[str, str], int] = {}
        self._results: dict[str, NodeResult] = {}

    def has(self, unique_ids: Iterable[str]) -> bool:
        """Whether all these nodes had their turn."""
        return all(unique_id in self._results for unique_id in unique_ids)

    def results(self, unique_ids: Iterable[str]) -> list[NodeResult]:
        """What became of nodes that had their turn."""
        return [self._results[unique_id] for unique_id in unique_ids]

    def build(
        self,
        wanted: Iterable[str],
        definitions: Definitions,
        settings: Settings,
        as_of: datetime,
        on_progress: Progress,
    ) -> None:
        """Build those of ``wanted`` that had no turn yet; what is as it was defined is left alone.

        Raises what :func:`orchestration.dbt_process.build` does.
        """
        due = [unique_id for unique_id in wanted if unique_id not in self._results]
        # dbt, which opens the same file, shares this connection's database: to open a large
        # warehouse takes longer than most commands have work.
        with connect(settings) as connection:
            kept = unchanged(connection, definitions, due)
            results = [_kept(unique_id, definitions) for unique_id in sorted(kept)]
            to_build = sorted(set(due) - kept)
            if to_build:
                results += build(
                    to_build,
                    settings,
                    as_of,
                    project=definitions.project,
                    on_node=_words(len(to_build), on_progress),
                )
            remember(connection, definitions, _made_well(results, definitions))
            self.rows = _row_counts(connection)
        self._results |= {result.unique_id: result for result in results}


def _kept(unique_id: str, definitions: Definitions) -> NodeResult:
    status = "pass" if definitions.is_test(unique_id) else "success"
    return NodeResult(unique_id, status, UNCHANGED, 0, 0.0)


def _made_well(results: Iterable[NodeResult], definitions: Definitions) -> list[str]:
    """What was made just now, and which seeds of it no test found fault with."""
    results = list(results)
    doubted = {
        seed
        for result in results
        if not result.passed or result.status == "warn"
        for seed in definitions.seeds_read_by(result.unique_id)
    }
    return [
        result.unique_id
        for result in results
        if result.passed and result.message != UNCHANGED and result.unique_id not in doubted
    ]


def _row_counts(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    found = connection.execute(
        "select schema_name, table_name, estimated_size from duckdb_tables()"
    ).fetchall()
    return {(schema, table): int(count) for schema, table, count in found}


def _words(nodes: int, on_progress: Progress) -> Callable[[str, str], None]:
    """Says now and then how many nodes had their turn; dbt calls it from one thread at a time."""
    begun = said = time.monotonic()
    ended = 0

    def on_node(_unique_id: str, _status: str) -> None:
        nonlocal said, ended
        ended += 1
        now = time.monotonic()
        if now - said >= SECONDS_BETWEEN_WORDS:
            said = now
            on_progress(f"dbt: {ended} of {nodes} nodes in {now - begun:.0f} s")

    return on_node
