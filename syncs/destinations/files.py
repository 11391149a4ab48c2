"""Files: a CSV or Parquet file that mirrors a model, or a file per delivery for events.

A mirror is rewritten as a whole by every batch: our own copy (Parquet, in the home folder), with
the batch put into it, is published and then becomes the copy. So a file that somebody edited or
removed is whole again with the next change, and the account needs no right to read.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import duckdb
import pyarrow as pa

from headwater.budget import call_budget
from headwater.errors import DefinitionError, GuardError, VendorUnavailableError
from headwater.settings import Settings, load
from headwater.system_settings import FilesSettings
from headwater.warehouse import literal, quote
from syncs.definition import Definition, Mode, Removal
from syncs.destination import Batch, Capabilities, Counts, Operation, Outcome, RowResult, Value
from syncs.destinations.file_folder import open_folder
from syncs.registry import definitions
from syncs.state import state_path

BATCH_ROWS = 100_000
"""Changes that are put into a file at a time: they stand in memory, the file doesn't."""
ROW_GROUP = 100_000
TYPES = ("varchar", "bigint", "double", "boolean", "date", "timestamp")
"""What a field's column may be; varchar, as the key's is, unless the option ``types`` says so.
Timestamps are UTC."""
WRITERS = {
    ".csv": "format csv, header, timestampformat '%Y-%m-%dT%H:%M:%S.%fZ'",
    ".parquet": f"format parquet, compression zstd, row_group_size {ROW_GROUP}",
}
COPY = "mirror.parquet"
"""Our copy of what was published last."""
PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*(/[A-Za-z0-9][A-Za-z0-9._ -]*)*")


def connect(definition: Definition, settings: Settings) -> FilesDestination:
    """The destination of a definition."""
    return FilesDestination(definition, settings)


def work_folder(settings: Settings, definition: Definition) -> Path:
    """Where our copy of the file is, and drafts of the next."""
    return settings.sync_state / "files" / definition.name


class FilesDestination:
    """One file, or with mode append the files of one folder.

    ``object`` is a path below ``FILES_LOCATION`` that ends in ``.csv`` or ``.parquet``. With mode
    append, ``orders.csv`` stands for files ``orders/<run>-<batch>.csv``: named by their batch, so
    that a batch whose fate is not known is written to the same place again.
    """

    name = "files"
    capabilities = Capabilities(
        frozenset({Mode.MIRROR, Mode.UPSERT, Mode.APPEND}),
        frozenset({Removal.IGNORE, Removal.CLEAR, Removal.DELETE}),
        separate_operations=False,
    )

    def __init__(self, definition: Definition, settings: Settings) -> None:
        self._folder = open_folder(load(FilesSettings))
        self._file = PurePosixPath(definition.object)
        if not PATH.fullmatch(definition.object) or self._file.suffix not in WRITERS:
            raise DefinitionError(
                f"{definition.name}.yml: object: {definition.object!r} is no path of a file.",
                next_step="Write a path below FILES_LOCATION that ends in .csv or .parquet.",
            )
        _require_no_other(definition)
        self._label = f"{definition.name}: {definition.object}"
        self._once = definition.once
        self._fields = tuple(item.field for item in definition.fields)
        self._columns = (definition.key.field, *self._fields)
        self._types = _types(definition)
        self._work = work_folder(settings, definition)
        self._copy = self._work / COPY
        self._state = state_path(settings, definition.name)
        self._memory_limit = settings.duckdb_memory_limit
        self._budget = call_budget("to files", settings)
        self.calls = 0

    def check(self) -> None:
        """See that the folder is there; files have no fields of their own to ask for."""
        self._folder.check()

    def batch_rows(self, rows: int) -> int:
        """100,000 changes a file, or a rewriting of it."""
        return BATCH_ROWS

    def least_calls(self, counts: Counts) -> int:
        """A file published per 100,000 changes."""
        return -(-counts.total // BATCH_ROWS)

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Publish the file with this batch in it; rows with a value of another type stay out."""
        self._work.mkdir(parents=True, exist_ok=True)
        drafted = content = self._work / "drafted.parquet"
        with self._database() as database:
            self._stage(database, batch)
            wrong = self._wrong(database)
            if len(wrong) < len(batch.changes) or not self._once:
                if not self._once:
                    self._require_copy(database, batch)
                rows = self._rows_alone() if self._once else self._rows_in_mirror(database)
                _copy(database, rows, drafted, ".parquet")
                if self._file.suffix != drafted.suffix:
                    content = self._work / f"drafted{self._file.suffix}"
                    _copy(database, _select_file(drafted), content, self._file.suffix)
                self._publish(content, batch)
        return [
            RowResult(change.key, Outcome.REJECTED, code="WRONG_TYPE", message=wrong[place])
            if place in wrong
            else RowResult(change.key, Outcome.DELIVERED)
            for place, change in enumerate(batch.changes)
        ]

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Publish it again: the same rows, into the same file."""
        return self.deliver(batch, lambda _handle: None)

    def _publish(self, content: Path, batch: Batch) -> None:
        """Publish, and only then let the copy be what was published: a row that was refused with
        its file must not come back with the next one."""
        if self._budget is not None:
            self._budget.spend()
        self.calls += 1
        self._folder.publish(content, self._name_of(batch))
        if not self._once:
            drafted = self._work / "drafted.parquet"
            with drafted.open("rb") as file:
                os.fsync(file.fileno())
            drafted.replace(self._copy)

    def _name_of(self, batch: Batch) -> str:
        if not self._once:
            return str(self._file)
        name = batch.batch_id.replace("/", "-") + self._file.suffix
        return str(self._file.with_suffix("") / name)

    def _stage(self, database: duckdb.DuckDBPyConnection, batch: Batch) -> None:
        """``staged``: place, key, kind (row, gone or cleared) and, as text, every field."""
        contents = [
            change.whole if change.operation is Operation.UPDATE else change.fields
            for change in batch.changes
        ]
        columns: dict[str, pa.Array] = {
            "place": pa.array(range(len(batch.changes)), pa.int64()),
            "key": pa.array([change.key for change in batch.changes], pa.string()),
            "kind": pa.array(
                [
                    "row" if change.operation is not Operation.REMOVE
                    else "cleared" if change.fields else "gone"
                    for change in batch.changes
                ],
                pa.string(),
            ),
        }  # fmt: skip
        for number, name in enumerate(self._fields):
            texts = [encode(content.get(name)) for content in contents]
            columns[f"c{number}"] = pa.array(texts, pa.string())
            given = [name in content for content in contents]
            columns[f"given{number}"] = pa.array(given, pa.bool_())
        database.register("staged", pa.table(columns))

    def _wrong(self, database: duckdb.DuckDBPyConnection) -> dict[int, str]:
        """By place in the batch, what does not fit its column."""
        found: dict[int, str] = {}
        for number, name in enumerate(self._fields):
            bad = database.execute(
                f"select place, c{number} from staged where kind = 'row' "  # noqa: S608 (quoted)
                f"and c{number} is not null and {self._value(number)} is null"
            ).fetchall()
            for place, text in bad:
                found[place] = f"{name}: {text[:100]!r} is no {self._types[name]}."
        database.register("wrong", pa.table({"place": pa.array(list(found), pa.int64())}))
        return found

    def _require_copy(self, database: duckdb.DuckDBPyConnection, batch: Batch) -> None:
        """Raise where our copy has not the rows that this batch changes: what it lacks would be
        lacking in the file."""
        known = [change.key for change in batch.changes if change.operation is Operation.UPDATE]
        database.register("known", pa.table({"key": pa.array(known, pa.string())}))
        missing = len(known)
        if known and self._copy.exists():
            key = quote(self._columns[0])
            [(missing,)] = database.execute(
                f"select count(*) from known "  # noqa: S608 (quoted)
                f"where key not in (select {key} from ({_select_file(self._copy)}))"
            ).fetchall()
        if missing:
            raise GuardError(
                f"{self._label}: our copy of the file, {self._copy}, lacks {missing} rows that "
                "were published.",
                next_step="Nothing was published. Bring the copy back, or remove it and "
                f"{self._state}: the next run then publishes the whole model.",
            )

    def _rows_alone(self) -> str:
        """The batch's own rows."""
        names = ["key", *(self._value(number) for number in range(len(self._fields)))]
        parts = [
            f"{value} as {quote(column)}"
            for value, column in zip(names, self._columns, strict=True)
        ]
        return (
            f"select {', '.join(parts)} from staged "  # noqa: S608 (quoted)
            "where kind = 'row' and place not in (select place from wrong) order by 1"
        )

    def _rows_in_mirror(self, database: duckdb.DuckDBPyConnection) -> str:
        """What the file holds once this batch is in it, by key."""
        if not self._copy.exists():
            return self._rows_alone()
        held = {row[0] for row in database.execute(_describe(self._copy)).fetchall()}
        key = quote(self._columns[0])
        kept = [f"mirror.{key}"]
        for number, name in enumerate(self._fields):
            old = f"mirror.{quote(name)}" if name in held else "null"
            cleared = f"case when staged.given{number} then null else {old} end"
            kept.append(f"({cleared})::{self._types[name]} as {quote(name)}")
        return f"""
        with fitting as (
            select * from staged where place not in (select place from wrong)
        )

        select {", ".join(kept)}
        from ({_select_file(self._copy)}) as mirror
        left join (select * from fitting where kind = 'cleared') as staged
            on staged.key = mirror.{key}
        where mirror.{key} not in (select key from fitting where kind <> 'cleared')

        union all by name

        ({self._rows_alone()})
        order by {key}
        """  # noqa: S608 (quoted)

    def _value(self, number: int) -> str:
        return f"try_cast(c{number} as {self._types[self._fields[number]]})"

    @contextmanager
    def _database(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """DuckDB with one thread, so that the same rows make the same bytes."""
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "temp_directory": str(self._work / "temporary"),
        }
        if self._memory_limit is not None:
            config["memory_limit"] = self._memory_limit
        try:
            with duckdb.connect(config=config) as database:
                yield database
        except duckdb.ConversionException as error:
            raise DefinitionError(
                f"{self._label}: what the file holds is of another type: {error}",
                next_step="Let options.types be what they were, or name another file.",
            ) from error
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise VendorUnavailableError(
                f"{self._label} could not be drafted in {self._work}: {error}",
                next_step="The published file stays as it was; free space there.",
            ) from error


def encode(value: Value) -> str | None:
    """A value as the text from which its column is made; null stays null."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _types(definition: Definition) -> Mapping[str, str]:
    """The type of each column, by what ``options.types`` says: ``used double, since date``."""
    names = [item.field for item in definition.fields]
    types = dict.fromkeys(names, "varchar")
    for part in filter(None, str(definition.options.get("types", "")).split(",")):
        name, _, said = part.strip().rpartition(" ")
        if name not in names or said not in TYPES:
            raise DefinitionError(
                f"{definition.name}.yml: options.types: {part.strip()!r} is no field and type.",
                next_step=f"Write `field type` with one of: {', '.join(TYPES)}.",
            )
        types[name] = said
    return types


def _require_no_other(definition: Definition) -> None:
    """A file is written as a whole, so it has one sync."""
    for other in definitions():
        same = (other.destination, other.object) == (definition.destination, definition.object)
        if same and other.name != definition.name:
            raise DefinitionError(
                f"{definition.name}.yml and {other.name}.yml both write the file "
                f"{definition.object}.",
                next_step="Give each a file of its own.",
            )


def _select_file(path: Path) -> str:
    return f"select * from read_parquet({literal(path)})"  # noqa: S608 (a quoted path)


def _describe(path: Path) -> str:
    return f"describe {_select_file(path)}"


def _copy(database: duckdb.DuckDBPyConnection, rows: str, path: Path, ending: str) -> None:
    database.execute(f"copy ({rows}) to {literal(path)} ({WRITERS[ending]})")
