"""A1 notation: which rectangle of which sheet a range names."""

from __future__ import annotations

import re
from dataclasses import dataclass

CELLS = re.compile(r"(?P<c1>[A-Za-z]*)(?P<r1>\d*)(?::(?P<c2>[A-Za-z]*)(?P<r2>\d*))?")


@dataclass(frozen=True)
class Rectangle:
    """Rows and columns from 0, half-open; None is an open end."""

    sheet: str
    first_row: int = 0
    first_column: int = 0
    end_row: int | None = None
    end_column: int | None = None

    def within(self, rows: int, columns: int) -> Rectangle:
        """The rectangle cut to a grid's size."""
        return Rectangle(
            self.sheet,
            self.first_row,
            self.first_column,
            min(rows, self.end_row if self.end_row is not None else rows),
            min(columns, self.end_column if self.end_column is not None else columns),
        )

    def text(self) -> str:
        """The rectangle, which has no open ends, in A1 notation."""
        start = f"{column_name(self.first_column)}{self.first_row + 1}"
        end = f"{column_name((self.end_column or 1) - 1)}{self.end_row}"
        cells = start if start == end else f"{start}:{end}"
        return f"{quoted(self.sheet)}!{cells}"


def parse(text: str, sheets: list[str]) -> Rectangle:
    """The rectangle of a range such as ``Sheet1``, ``'My sheet'!A2:C`` or ``B3:D9``.

    Without a sheet the first one is meant. Raises ``ValueError`` for what is no range.
    """
    name, _, cells = text.rpartition("!")
    if not name:
        whole = _unquoted(text)
        if whole in sheets:
            return Rectangle(whole)
        name, cells = sheets[0], text
    else:
        name = _unquoted(name)
    matched = CELLS.fullmatch(cells)
    if name not in sheets or not cells or matched is None or not (matched["c1"] or matched["r1"]):
        raise ValueError(text)
    c1, r1, c2, r2 = (matched[part] or "" for part in ("c1", "r1", "c2", "r2"))
    if ":" not in cells:
        if not (c1 and r1):
            raise ValueError(text)
        c2, r2 = c1, r1
    elif not (c2 or r2):
        raise ValueError(text)
    return Rectangle(
        name,
        int(r1) - 1 if r1 else 0,
        column_number(c1) if c1 else 0,
        int(r2) if r2 else None,
        column_number(c2) + 1 if c2 else None,
    )


def column_name(number: int) -> str:
    """``0`` is ``A``, ``26`` is ``AA``."""
    name, left = "", number + 1
    while left:
        left, digit = divmod(left - 1, 26)
        name = chr(ord("A") + digit) + name
    return name


def column_number(name: str) -> int:
    """``A`` is ``0``, ``AA`` is ``26``."""
    number = 0
    for letter in name.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def quoted(sheet: str) -> str:
    """A sheet's name as it stands in a range."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", sheet):
        return sheet
    return "'" + sheet.replace("'", "''") + "'"


def _unquoted(name: str) -> str:
    if len(name) > 1 and name[0] == name[-1] == "'":
        return name[1:-1].replace("''", "'")
    return name
