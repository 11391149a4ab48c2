"""The read-only SQL shell: one question per connection, so that a cycle is never shut out."""

from __future__ import annotations

import atexit
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from headwater.errors import HeadwaterError, SourceDataError
from headwater.settings import Settings
from headwater.warehouse import connect

PROMPT = "headwater> "
CONTINUED = "      ...> "
ROWS_SHOWN = 200
HISTORY = "sql_history"
"""The file of the home folder with what was asked before."""
HELP = """\
A question ends with a semicolon and may span lines; the warehouse is opened read-only.
  .tables [SCHEMA]   tables and views
  .schema NAME       columns of a table or view (schema.name, or name)
  .help              this
  .quit              leave (also Ctrl-D)"""

_TABLES = """
    select table_schema as "schema", table_name as name,
        case table_type when 'VIEW' then 'view' else 'table' end as type
    from information_schema.tables
    where ? is null or table_schema = ?
    order by all
"""
_COLUMNS = """
    select columns.table_schema as "schema", columns.column_name as "column",
        columns.data_type as type, coalesce(comments.comment, '') as comment
    from information_schema.columns as columns
    left join duckdb_columns() as comments
        on comments.schema_name = columns.table_schema
        and comments.table_name = columns.table_name
        and comments.column_name = columns.column_name
    where columns.table_name = ? and (? is null or columns.table_schema = ?)
    order by columns.table_schema, columns.ordinal_position
"""


@dataclass(frozen=True)
class Answer:
    """Column names and rows; ``more`` if rows beyond the limit were left out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool = False


def ask(
    settings: Settings, query: str, parameters: Sequence[Any] = (), *, limit: int | None = None
) -> Answer:
    """Answer one question.

    Raises :class:`SourceDataError` with DuckDB's words when the question is not understood.
    """
    with connect(settings, read_only=True) as connection:
        try:
            cursor = connection.execute(query, list(parameters))
            rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit + 1)
        except duckdb.Error as error:
            raise SourceDataError(
                str(error).strip(), next_step=".tables lists what there is to ask."
            ) from error
        names = tuple(column[0] for column in cursor.description or ())
    more = limit is not None and len(rows) > limit
    return Answer(names, tuple(rows[:limit]), more)


def as_json(answer: Answer) -> str:
    """A JSON array of objects; values JSON does not know become text."""
    return json.dumps(
        [dict(zip(answer.columns, row, strict=True)) for row in answer.rows], default=str, indent=2
    )


def as_table(answer: Answer) -> Table:
    """The rows as a table, nulls dimmed."""
    table = Table()
    for name in answer.columns:
        table.add_column(name, overflow="fold")
    for row in answer.rows:
        table.add_row(*("[dim]null[/dim]" if v is None else _plain(v) for v in row))
    if answer.more:
        table.caption = f"the first {len(answer.rows)} rows; say `limit` for fewer, --json for all"
    return table


def interact(settings: Settings, console: Console, read: Callable[[str], str] = input) -> None:
    """Read questions until the end; a question that goes wrong is told, and the next one read."""
    _remember(settings.home / HISTORY)
    console.print(f"{settings.warehouse} (read-only). [bold].help[/bold] says what else there is.")
    pending = ""
    while True:
        try:
            line = read(CONTINUED if pending else PROMPT).strip()
        except EOFError:
            console.print()
            return
        except KeyboardInterrupt:
            console.print()
            pending = ""
            continue
        if not pending and line in {".quit", ".exit"}:
            return
        if not pending and line.startswith("."):
            _told(console, partial(_command, settings, console, line))
            continue
        pending = f"{pending}\n{line}".strip()
        if pending.endswith(";"):
            question, pending = pending, ""
            _told(console, partial(_answer, settings, console, question))


def _answer(settings: Settings, console: Console, question: str) -> None:
    console.print(as_table(ask(settings, question, limit=ROWS_SHOWN)))


def _command(settings: Settings, console: Console, line: str) -> None:
    name, _, argument = line.partition(" ")
    argument = argument.strip().rstrip(";")
    if name == ".tables":
        console.print(as_table(ask(settings, _TABLES, [argument or None] * 2)))
    elif name == ".schema" and argument:
        schema, _, table = argument.rpartition(".")
        answer = ask(settings, _COLUMNS, [table, schema or None, schema or None])
        console.print(as_table(answer) if answer.rows else f"There is no table {argument}.")
    else:
        console.print(HELP)


def _told(console: Console, do: Callable[[], None]) -> None:
    try:
        do()
    except HeadwaterError as error:
        console.print(error.what, style="red", markup=False)
        console.print(error.next_step, markup=False)
    except KeyboardInterrupt:
        console.print("Stopped.")


def _plain(value: Any) -> str:
    return str(value).replace("[", r"\[")


def _remember(history: Path) -> None:
    try:
        import readline
    except ImportError:  # a Python built without it: no history, all else works
        return
    history.parent.mkdir(parents=True, exist_ok=True)
    if history.exists():
        readline.read_history_file(history)
    readline.set_history_length(1000)
    atexit.register(readline.write_history_file, history)
