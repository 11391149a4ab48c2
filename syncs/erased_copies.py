"""Erased people in our own copies of published files: the next publication is without them."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import duckdb

from headwater.clock import Clock
from headwater.durable_file import sync_folder
from headwater.erased_rows import Found, Rows, Search, types_of
from headwater.erasures import Tombstones
from headwater.settings import Settings
from headwater.warehouse import literal, quote
from syncs.definition import Definition
from syncs.destinations.files import COPY, WRITERS, work_folder
from syncs.registry import definitions
from syncs.state import hold_state


def forget_in_copies(
    settings: Settings, clock: Clock, tombstones: Tombstones, owed: Collection[str]
) -> Iterator[tuple[str, int]]:
    """Take rows of the erased out of every copy but those of syncs that still have to take them
    back, and remove drafts; returns the rows by copy.

    What a sync knows it delivered has to be forgotten first: it holds a copy to that.
    """
    for definition in definitions():
        folder = work_folder(settings, definition)
        if definition.destination != "files" or not folder.exists() or definition.name in owed:
            continue
        with hold_state(settings, definition.name, clock.now()):
            for path in folder.iterdir():  # what is left of deliveries, done or cut off
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != COPY:
                    path.unlink()
            rows = _forget(definition, folder / COPY, tombstones)
        if rows:
            yield f"copy of {definition.object}", rows


def _forget(definition: Definition, copy: Path, tombstones: Tombstones) -> int:
    if not copy.exists():
        return 0
    with duckdb.connect(config={"threads": 1, "temp_directory": str(copy.parent)}) as database:
        found = _find(definition, copy, database, tombstones)
        rows = [*found.about, *found.mentioning]
        if rows:
            draft = copy.with_name("drafted.parquet")
            database.execute(
                f"copy (select * exclude (file_row_number) from {_read(copy)} where "  # noqa: S608
                f"file_row_number not in (select unnest($rows)) order by file_row_number) "
                f"to {literal(draft)} ({WRITERS['.parquet']})",
                {"rows": rows},
            )
            draft.replace(copy)
            sync_folder(copy.parent)
    return len(rows)


def _find(
    definition: Definition, copy: Path, database: duckdb.DuckDBPyConnection, tombstones: Tombstones
) -> Found:
    described = database.execute(f"describe from {_read(copy)}").fetchall()
    held = [row[0] for row in described if row[0] != "file_row_number"]
    columns = {definition.key.field: definition.key.column}
    columns |= {mapped.field: mapped.column for mapped in definition.fields}
    about = {
        f"cast({quote(field)} as varchar)": types_of(column)
        for field, column in columns.items()
        if field in held and types_of(column)
    }
    texts = ", ".join(f"cast({quote(name)} as varchar)" for name in held)
    rows = Rows(_read(copy), "file_row_number", f"concat_ws(' ', {texts})", about)
    return Search(database, tombstones).find(rows)


def _read(path: Path) -> str:
    return f"read_parquet({literal(path)}, file_row_number = true)"
