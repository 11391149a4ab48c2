"""What people type into cells, made plain: blanks that nobody sees, numbers, dates, errors."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

BLANKS = re.compile(r"[\s\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f\u2060\u3000\ufeff\u00ad]+")
"""White space of every kind, no-break, zero-width, soft hyphens and byte order marks."""
INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u00ad]")
ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|ERROR!|SPILL!|CALC!)")
"""How a formula that failed is shown."""
SERIAL_EPOCH = date(1899, 12, 30)
SERIALS = range(10_000, 100_000)
"""Days since the epoch that are taken for a date in a column of dates: 1927 to 2173."""
FORMATS = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d.%m.%y", "%d-%m-%Y", "%d-%b-%Y",
    "%d %b %Y", "%d %B %Y", "%b %d %Y", "%B %d %Y",
)  # fmt: skip
DAY_FIRST = ("%d/%m/%Y", "%d/%m/%y")
MONTH_FIRST = ("%m/%d/%Y", "%m/%d/%y")
Cell = str | int | float | bool | None


def as_text(cell: Cell) -> str:
    """A cell as text: whole numbers without a fraction, TRUE and FALSE, empty for none."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def plain(cell: Cell) -> str:
    """A cell without what nobody sees: outer blanks, invisible characters, odd blanks between
    words, and the apostrophe that makes a number text. Line breaks stay: they part two values."""
    lines = as_text(cell).splitlines()
    bare = [BLANKS.sub(" ", INVISIBLE.sub("", line)).strip() for line in lines]
    text = "\n".join(line for line in bare if line)
    return text[1:].strip() if text[:1] in {"'", "\u2019"} else text


def is_error(text: str) -> bool:
    """Whether a plain cell shows that its formula failed."""
    return ERROR.fullmatch(text) is not None


def as_date(text: str, *, is_month_first: bool) -> str:
    """A plain cell of a column of dates in ISO 8601, or as it is when it cannot be read.

    Reads serial numbers (days since 1899-12-30) and the formats people use. With slashes the
    sheet's locale says what comes first (``is_month_first``), unless only the other way is a date.
    """
    if re.fullmatch(r"\d{5}(\.\d+)?", text) and int(float(text)) in SERIALS:
        return (SERIAL_EPOCH + timedelta(days=int(float(text)))).isoformat()
    bare = re.sub(r"^(\d{4}-\d{2}-\d{2})T.*$", r"\1", text.replace(",", " "))
    bare = " ".join(bare.split())
    slashed = MONTH_FIRST + DAY_FIRST if is_month_first else DAY_FIRST + MONTH_FIRST
    for form in (*FORMATS, *slashed):
        try:
            return datetime.strptime(bare, form).replace(tzinfo=UTC).date().isoformat()
        except ValueError:
            continue
    return text
