"""SQL that runs on every database which keeps Headwater's own state.

Three databases keep it: DuckDB (what a sync remembers), SQLite (what all processes of a home
share), and PostgreSQL (both of them, for runners without a common disk). Statements are written
once, in what the three have in common: parameters are named, ``$name``, and bound; ``insert`` names
its columns; ``update ... from``, ``on conflict`` and window functions are there, ``qualify`` isn't.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from headwater.errors import SettingsError

Parameters = Mapping[str, Any]
NONE: Parameters = {}


class Database(Protocol):
    """A session with one of the databases. ``label`` names it for people, without a secret."""

    @property
    def label(self) -> str: ...

    def rows(self, statement: str, parameters: Parameters = NONE) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        ...

    def change(self, statement: str, parameters: Parameters = NONE) -> int:
        """How many rows a statement changed."""
        ...

    def transaction(self, alone: str | None = None) -> AbstractContextManager[None]:
        """All of the block or nothing of it; durable when it ends. Of the blocks with the same
        ``alone``, of all sessions, one runs at a time."""
        ...

    def has_table(self, name: str) -> bool:
        """Whether there is a table of this name."""
        ...


def migrate(database: Database, part: str, steps: Sequence[Sequence[str]]) -> None:
    """Bring the tables of a ``part`` of the state to the newest version: ``steps`` are the
    statements that lead to version 1, 2, ...

    Raises :class:`SettingsError` when the tables are newer than this program.
    """
    if is_newest(database, part, steps):
        return
    with database.transaction(alone="schema"):
        if not database.has_table("schema_versions"):
            database.change(
                "create table schema_versions (part varchar primary key, version integer not null)"
            )
        version = _version(database, part)
        if version > len(steps):
            raise SettingsError(
                f"{database.label}: the tables of {part} have version {version}, and this program "
                f"knows {len(steps)}.",
                next_step="A newer Headwater has written them: update this one. Nothing was done.",
            )
        for statements in steps[version:]:
            for statement in statements:
                database.change(statement)
        database.change(
            "insert into schema_versions (part, version) values ($part, $version) "
            "on conflict (part) do update set version = excluded.version",
            {"part": part, "version": len(steps)},
        )


def is_newest(database: Database, part: str, steps: Sequence[Sequence[str]]) -> bool:
    """Whether the tables of a part need no migration."""
    return _version(database, part) == len(steps)


def _version(database: Database, part: str) -> int:
    if not database.has_table("schema_versions"):
        return 0
    found = database.rows("select version from schema_versions where part = $part", {"part": part})
    return int(found[0][0]) if found else 0
