"""How a cell is shown: formatted text, or the bare value."""

from __future__ import annotations

import re
from datetime import date

from sandbox.vendors.google.store import Cell, Grid

EPOCH = date(1899, 12, 30)
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


def shown(cell: Cell, *, formatted: bool, serial_dates: bool) -> Cell:
    """One cell's value in an answer; an empty one is an empty text."""
    if cell is None:
        return ""
    if isinstance(cell, dict):
        as_shown = formatted or (cell.get("is_date", False) and not serial_dates)
        return str(cell["shown"]) if as_shown else cell["value"]
    if formatted:
        if isinstance(cell, bool):
            return str(cell).upper()
        if isinstance(cell, float) and cell.is_integer():
            return str(int(cell))
        return str(cell)
    if isinstance(cell, str) and ISO_DATE.fullmatch(cell) and serial_dates:
        try:
            return (date.fromisoformat(cell) - EPOCH).days
        except ValueError:
            return cell
    return cell


def typed(cell: Cell) -> Cell:
    """What a person's typing becomes: numbers lose leading zeros, TRUE and FALSE are booleans."""
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if text.upper() in {"TRUE", "FALSE"}:
        return text.upper() == "TRUE"
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if NUMBER.fullmatch(text):
        return float(text)
    return cell


def without_blank_ends(grid: Grid) -> Grid:
    """The grid without trailing empty cells and rows, so that it is ragged."""
    rows = []
    for row in grid:
        cut = list(row)
        while cut and cut[-1] == "":
            cut.pop()
        rows.append(cut)
    while rows and not rows[-1]:
        rows.pop()
    return rows
