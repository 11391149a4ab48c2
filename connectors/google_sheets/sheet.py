"""What a sheet is declared by: its stream, and what people call its columns.

A sheet of another kind is declared by a contract and a :class:`Sheet`; see ``README.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.rules import Rule, Rules
from connectors.stream import Stream

ERRORS = r"#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|ERROR!|SPILL!|CALC!)"
VALUE = r"([0-9]+|001[A-Za-z0-9]{12}([A-Za-z0-9]{3})?|[^\s;,|]+\.[^\s;,|.]{2,}[^\s;,|]*)"
"""What one value looks like: a number, a Salesforce account id, or something with a domain."""
VALUES = rf"{VALUE}(\s*([\n;,|]|\s(and|or|und|&)\s|\s)\s*{VALUE})+[;,]?"


@dataclass(frozen=True)
class Sheet:
    """One tab, or range of one.

    ``headings`` holds, by column of the contract, what people call it: lower case, without signs.
    ``required`` are the columns without which the sheet is refused; a line needs a value in each.
    ``dates`` are columns whose cells are made ISO dates where they can be read as such.
    """

    stream: Stream
    headings: Mapping[str, frozenset[str]]
    required: tuple[str, ...]
    dates: frozenset[str] = field(default_factory=frozenset)


def one_value(*columns: str) -> Rules:
    """The rules of a stream whose ``columns`` hold one value each, typed by a person: the error of
    a formula is none, and two in a cell are two."""
    rules = [
        rule
        for column in columns
        for rule in (
            Rule(
                f"regexp_full_match({column}, '{ERRORS}')",
                f"concat('line ', row_number, ' of the sheet: the formula of column {column} "
                f"failed, ', {column})",
            ),
            Rule(
                f"regexp_full_match({column}, '{VALUES}')",
                f"concat('line ', row_number, ' of the sheet: column {column} holds several "
                f"values, give each a line of its own: ', {column})",
            ),
        )
    ]
    return lambda _: tuple(rules)
