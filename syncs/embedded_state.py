"""The embedded place of what a sync remembers: one DuckDB file per sync, no server.

The state and the set-based work share one connection, so nothing has to be carried between them:
what is fetched or given is a view.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from headwater.database import NONE, Parameters, is_newest, migrate
from headwater.settings import Settings
from headwater.warehouse import connect, literal, quote
from syncs.state_tables import Dialect, steps

_PARAMETER = re.compile(r"\$([a-z_]+)")
PART = "syncs"
_STEPS = steps(Dialect(hash="uhugeint", json="json"))


class EmbeddedState:
    """One sync's file, open; see :class:`syncs.state.State`."""

    hash_type = "uhugeint"

    def __init__(self, sync: str, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        self.sync = sync
        self.label = str(path)
        self.compute = connection

    def md5(self, text: str) -> str:
        """SQL of the md5 of a text, in the type that the tables keep."""
        return f"md5_number({text})::uhugeint"

    def hex_of(self, column: str) -> str:
        """SQL of a hash as text."""
        return f"lower(to_hex({column}))"

    def rows(self, statement: str, parameters: Parameters = NONE) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self.compute.execute(statement, dict(parameters)).fetchall()

    def change(self, statement: str, parameters: Parameters = NONE) -> int:
        """How many rows a statement changed."""
        found = self.compute.execute(statement, dict(parameters)).fetchall()
        return int(found[0][0]) if found and isinstance(found[0][0], int) else 0

    @contextmanager
    def transaction(self, alone: str | None = None) -> Iterator[None]:  # noqa: ARG002 (one runner)
        """All of the block or nothing of it."""
        self.compute.execute("begin")
        try:
            yield
        except BaseException:
            self.compute.execute("rollback")
            raise
        self.compute.execute("commit")

    def has_table(self, name: str) -> bool:
        """Whether the file has a table of this name."""
        return bool(
            self.rows(
                "select 1 from duckdb_tables() where table_name = $name and not temporary "
                "and database_name = current_database()",
                {"name": name},
            )
        )

    def fetch(
        self, name: str, query: str, parameters: Parameters = NONE, keys: str | None = None
    ) -> None:
        """Show a query of the state to ``compute``: a view."""
        only = f" where key in (select key from ({keys}))" if keys else ""  # noqa: S608 (ours)
        # A view takes no parameters.
        query = _PARAMETER.sub(lambda found: literal(parameters[found[1]]), query)
        self.compute.execute(
            f"create or replace temp view {quote(name)} as select * from ({query}){only}"  # noqa: S608
        )

    @contextmanager
    def given(self, name: str, rows: pa.Table | str) -> Iterator[None]:
        """Show rows of this process, or a query of ``compute``, to the state.

        Not as parameters: DuckDB converts a list element by element, and looks for pandas and
        others at each. After an error the transaction takes the view back.
        """
        if isinstance(rows, str):
            self.compute.execute(f"create or replace temp view {quote(name)} as {rows}")
            yield
            return
        self.compute.register(name, rows)
        yield
        self.compute.unregister(name)


@contextmanager
def open_embedded(
    settings: Settings, sync: str, path: Path, *, read_only: bool = False
) -> Iterator[EmbeddedState]:
    """Open a sync's file, its tables brought to the newest version."""
    if read_only:
        with connect(settings, path=path, read_only=True) as connection:
            state = EmbeddedState(sync, connection, path)
            if is_newest(state, PART, _STEPS):
                yield state
                return
    with connect(settings, path=path) as connection:
        state = EmbeddedState(sync, connection, path)
        migrate(state, PART, _STEPS)
        yield state
