"""Erased people in texts that vendors and people wrote: why a step failed (Dagster's history), why
a sync is paused, what was asked of the warehouse. Only addresses can be told in them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from headwater.durable_file import sync_folder, write_durably
from headwater.erased_rows import Rows, Search, covering, without_addresses
from headwater.erasures import Tombstones
from headwater.errors import StateUnavailableError
from headwater.settings import Settings
from headwater.shared_state import FILE as SHARED
from headwater.warehouse import quote
from orchestration.shell import HISTORY

WAIT_SECONDS = 30.0
"""How long to wait for who writes just now, such as Dagster's daemon."""


def erase_texts(settings: Settings, tombstones: Tombstones) -> dict[str, int]:
    """Take the addresses of the erased out of texts in this home; returns the texts changed, by
    file. What Dagster keeps in a PostgreSQL is not looked at.

    Raises :class:`StateUnavailableError` naming a file that cannot be written.
    """
    home = settings.home
    changed: dict[str, int] = {}
    with duckdb.connect() as memory:
        search = Search(memory, tombstones)
        for path in [*sorted((home / "dagster").rglob("*.db")), home / SHARED]:
            if path.exists():
                changed[str(path.relative_to(home))] = _clear_database(path, search)
        if (home / HISTORY).exists():
            changed[HISTORY] = _clear_lines(home / HISTORY, search)
    return {name: texts for name, texts in changed.items() if texts}


def _clear_database(path: Path, search: Search) -> int:
    cleared = 0
    connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
    try:
        connection.execute("pragma secure_delete = on")
        for table, column in _text_columns(connection):
            rows = connection.execute(
                f"select rowid, {column} from {table} where typeof({column}) = 'text' "  # noqa: S608
                f"and (instr({column}, '@') or instr({column}, '%40'))"
            ).fetchall()
            without = _without(search, [text for _, text in rows])
            connection.execute("begin immediate")
            connection.executemany(
                f"update {table} set {column} = ? where rowid = ?",  # noqa: S608 (quoted)
                [(text, rows[number][0]) for number, text in without.items()],
            )
            connection.execute("commit")
            cleared += len(without)
        if cleared:
            connection.execute("pragma wal_checkpoint(truncate)")
    except sqlite3.Error as error:
        raise StateUnavailableError(
            f"{path} cannot be searched for who was erased: {error}.",
            next_step="Ask again once nothing else writes to it.",
        ) from error
    finally:
        connection.close()
    return cleared


def _text_columns(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """Every table and column that may hold a text, quoted."""
    tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
    for (table,) in tables:
        for _, column, kind, *_ in connection.execute(
            f"pragma table_info({quote(table)})"
        ).fetchall():
            if any(word in kind.upper() for word in ("TEXT", "CHAR", "CLOB")):
                yield quote(table), quote(column)


def _clear_lines(path: Path, search: Search) -> int:
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    without = _without(search, lines)
    if without:
        kept = [without.get(number, line) for number, line in enumerate(lines)]
        write_durably(path, "\n".join(kept))
        sync_folder(path.parent)
    return len(without)


def _without(search: Search, texts: Sequence[str]) -> dict[int, str]:
    """The texts that held somebody erased, by their places, as they are without."""
    told = pa.table({"place": range(len(texts)), "told": pa.array(texts, pa.string())})
    search.connection.register("texts", told)
    found = search.find(Rows("texts", "place", "told"))
    pattern = covering(found.nodes)
    return {int(str(n)): without_addresses(texts[int(str(n))], pattern) for n in found.mentioning}
