"""From a grid of cells to records: the header is found and matched loosely, merged cells are filled
down, cells are made plain. What a cell was before that is kept beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.google_sheets.cells import Cell, as_date, as_text, is_error, plain
from connectors.google_sheets.sheet import Sheet
from headwater.errors import SourceDataError

LINES_ABOVE = 10
"""So many lines of title or explanation may stand above the header."""
AS_TYPED = "as_typed"
Record = dict[str, Any]


@dataclass(frozen=True)
class Merged:
    """Merged cells by row and column, from 0, half-open, in the sheet's own numbers."""

    first_row: int
    end_row: int
    first_column: int


@dataclass(frozen=True)
class Grid:
    """The cells of a range, ragged; its corner stands in ``first_row`` and ``first_column`` of the
    sheet, from 0. ``where`` names it in errors."""

    values: Sequence[Sequence[Cell]]
    where: str
    first_row: int = 0
    first_column: int = 0
    merged: tuple[Merged, ...] = ()
    is_month_first: bool = True


def records_of(grid: Grid, sheet: Sheet) -> list[Record]:
    """A record per filled line below the header, with ``row_number``, its line in the sheet from 1.

    Blank lines are left out and blank cells are null. A column whose heading is unknown keeps it as
    its name. Raises :class:`headwater.errors.SourceDataError` when no line is a header.
    """
    cells = _filled_down(grid)
    header = _header_line(cells, sheet)
    if header is None:
        raise _no_header(cells, grid, sheet)
    unnamed = max(map(len, cells)) - len(cells[header])
    names = _column_names([*cells[header], *[None] * unnamed], sheet)
    records = []
    for offset, line in enumerate(cells[header + 1 :], header + 1):
        record = _record(names, line, sheet, is_month_first=grid.is_month_first)
        if record:
            line_number = grid.first_row + offset + 1
            empty: Record = dict.fromkeys(sheet.required)
            records.append({"row_number": line_number, **empty, **record})
    return records


def _filled_down(grid: Grid) -> list[list[Cell]]:
    """The cells, with the value of vertically merged ones in each of their lines.

    Sideways nothing is filled: a key that spills over the column of reasons is no reason.
    """
    cells = [list(line) for line in grid.values]
    for merged in grid.merged:
        row, column = merged.first_row - grid.first_row, merged.first_column - grid.first_column
        if row < 0 or column < 0 or row >= len(cells) or column >= len(cells[row]):
            continue
        last = min(merged.end_row - grid.first_row, len(cells))
        for line in cells[row + 1 : last]:
            line.extend([None] * (column + 1 - len(line)))
            if not plain(line[column]):
                line[column] = cells[row][column]
    return cells


def _header_line(cells: list[list[Cell]], sheet: Sheet) -> int | None:
    """The first line with a heading of every required column."""
    for number, line in enumerate(cells[: LINES_ABOVE + 1]):
        found = set(_column_names(line, sheet))
        if found.issuperset(sheet.required):
            return number
    return None


def _column_names(header: Iterable[Cell], sheet: Sheet) -> list[str]:
    """A name for each column: the contract's where the heading is one of its words.

    A required column may stand there several times: its cells are read together. Another that does
    keeps its heading and its place as a name, so that nothing is lost.
    """
    names: list[str] = []
    for position, cell in enumerate(header):
        words = " ".join(re.findall(r"\w+", plain(cell).lower().replace("_", " ")))
        known = next((name for name, said in sheet.headings.items() if words in said), None)
        if known and (known in sheet.required or known not in names):
            names.append(known)
            continue
        name = words or f"column {position + 1}"
        names.append(name if name not in names else f"{name} {position + 1}")
    return names


def _record(names: list[str], line: list[Cell], sheet: Sheet, *, is_month_first: bool) -> Record:
    """The filled cells of a line by name; empty for a blank line."""
    record: Record = {}
    as_typed: Record = {}
    for name, cell in zip(names, line, strict=False):
        text = plain(cell)
        if not text:
            continue
        value: str | None = text
        if name in sheet.dates:
            value = as_date(text, is_month_first=is_month_first)
        if is_error(text) and name not in sheet.required:
            value = None
        if name in record and value != record[name]:
            value = f"{record[name]}\n{value}"
        record[name] = value
        if value != as_text(cell):
            as_typed[name] = cell if name not in as_typed else f"{as_typed[name]}\n{cell}"
    if as_typed:
        record[AS_TYPED] = as_typed
    return record


def _no_header(cells: list[list[Cell]], grid: Grid, sheet: Sheet) -> SourceDataError:
    first = next((line for line in cells if any(plain(cell) for cell in line)), [])
    read = ", ".join(plain(cell) or "(blank)" for cell in first) or "nothing"
    known = "; ".join(
        f"{name} as one of: {', '.join(sorted(sheet.headings[name]))}" for name in sheet.required
    )
    return SourceDataError(
        f"The sheet {sheet.stream.source} ({grid.where}, line {grid.first_row + 1}) has no column "
        f"for the {' and the '.join(sheet.required)} among its first {LINES_ABOVE + 1} lines; "
        f"its header reads: {read}.",
        next_step=f"Name the columns {known}. Nothing of the sheet was landed.",
    )
