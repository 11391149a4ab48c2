"""SOQL as text to SOQL as a tree: tokens, syntax and the errors that point into the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sandbox.vendors.salesforce.errors import ApiError

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<datetime>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)(?![\dT])
  | (?P<number>[+-]?\d+(?:\.\d+)?)(?![\w-])
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
  | (?P<symbol><=|>=|!=|<>|[=<>(),:])
    """,
    re.VERBOSE | re.DOTALL,
)
LIKE_ESCAPE = "\x01"
_ESCAPES = {
    "%": LIKE_ESCAPE + "%",
    "_": LIKE_ESCAPE + "_",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
}
AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"})
_CLAUSES = frozenset(
    {"WHERE", "ORDER", "LIMIT", "OFFSET", "GROUP", "HAVING", "USING", "WITH", "FOR", "ALL"}
)


@dataclass(frozen=True)
class Token:
    """A piece of the text and where it starts."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Path:
    """A field, perhaps through parents: ``Account.Owner.Name``."""

    text: str
    at: int


@dataclass(frozen=True)
class Aggregate:
    """``COUNT()``, ``MAX(Amount) highest`` and the like; ``path`` is None for ``COUNT()``."""

    function: str
    path: Path | None
    alias: str | None
    at: int


@dataclass(frozen=True)
class FieldSet:
    """``FIELDS(ALL)``, ``FIELDS(STANDARD)``, ``FIELDS(CUSTOM)``."""

    which: str
    at: int


@dataclass(frozen=True)
class Literal:
    """A value; ``kind`` is string, number, boolean, null, date, datetime or relative."""

    kind: str
    value: Any
    at: int


@dataclass(frozen=True)
class Comparison:
    """``path operator value``; for IN, NOT IN, INCLUDES and EXCLUDES the value is a list."""

    path: Path
    operator: str
    value: Literal | tuple[Literal, ...] | Query


@dataclass(frozen=True)
class Not:
    """The opposite."""

    condition: Condition


@dataclass(frozen=True)
class Group:
    """Conditions joined by AND or by OR."""

    word: str
    conditions: tuple[Condition, ...]


Condition = Comparison | Not | Group


@dataclass(frozen=True)
class Ordering:
    """One term of ORDER BY."""

    path: Path
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    """A whole query; ``text`` is what the errors point into."""

    text: str
    items: tuple[Path | Aggregate | FieldSet, ...]
    object: str
    object_at: int
    alias: str | None
    where: Condition | None
    group_by: tuple[Path, ...]
    order_by: tuple[Ordering, ...]
    limit: int | None
    offset: int | None


def error_at(text: str, at: int, code: str, reason: str) -> ApiError:
    """An error in Salesforce's layout: the line, a caret under the place, row and column."""
    start = text.rfind("\n", 0, at) + 1
    row = text.count("\n", 0, at) + 1
    line = text[start:].split("\n", 1)[0]
    column = at - start + 1
    caret = " " * (column - 1) + "^"
    return ApiError(400, code, f"\n{line}\n{caret}\nERROR at Row:{row}:Column:{column}\n{reason}")


def parse(text: str) -> Query:
    """The query that ``text`` says. Raises ``MALFORMED_QUERY``."""
    parser = _Parser(text)
    query = parser.query()
    parser.end()
    return query


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._scan()
        self._next = 0

    def _scan(self) -> list[Token]:
        tokens, at = [], 0
        while at < len(self._text):
            match = _TOKEN.match(self._text, at)
            if match is None:
                unexpected = self._text[at]
                reason = f"unexpected token: '{unexpected}'"
                if unexpected == "'":
                    reason = "unexpected char: '''"
                raise error_at(self._text, at, "MALFORMED_QUERY", reason)
            if match.lastgroup != "space":
                tokens.append(Token(str(match.lastgroup), match.group(), at))
            at = match.end()
        return tokens

    def _peek(self, ahead: int = 0) -> Token | None:
        position = self._next + ahead
        return self._tokens[position] if position < len(self._tokens) else None

    def _take(self) -> Token:
        token = self._peek()
        if token is None:
            raise error_at(
                self._text, len(self._text), "MALFORMED_QUERY", "unexpected token: '<EOF>'"
            )
        self._next += 1
        return token

    def _unexpected(self, token: Token | None = None) -> ApiError:
        token = token or self._peek()
        at = token.at if token else len(self._text)
        shown = token.text if token else "<EOF>"
        return error_at(self._text, at, "MALFORMED_QUERY", f"unexpected token: '{shown}'")

    def _is(self, *words: str) -> bool:
        for ahead, word in enumerate(words):
            token = self._peek(ahead)
            if token is None or token.kind not in {"word", "symbol"}:
                return False
            if token.text.upper() != word:
                return False
        return True

    def _accept(self, *words: str) -> bool:
        if self._is(*words):
            self._next += len(words)
            return True
        return False

    def _expect(self, word: str) -> Token:
        if not self._is(word):
            raise self._unexpected()
        return self._take()

    def _word(self) -> Token:
        token = self._peek()
        if token is None or token.kind != "word":
            raise self._unexpected()
        return self._take()

    def end(self) -> None:
        if self._peek() is not None:
            raise self._unexpected()

    def query(self) -> Query:
        self._expect("SELECT")
        items = [self._item()]
        while self._accept(","):
            items.append(self._item())
        self._expect("FROM")
        name = self._word()
        alias = None
        self._accept("AS")
        token = self._peek()
        if token and token.kind == "word" and token.text.upper() not in _CLAUSES:
            alias = self._take().text
        if self._accept("USING", "SCOPE"):
            self._word()
        where = self._or_condition() if self._accept("WHERE") else None
        self._accept("WITH", "SECURITY_ENFORCED")
        group_by: list[Path] = []
        if self._accept("GROUP", "BY"):
            group_by.append(self._path())
            while self._accept(","):
                group_by.append(self._path())
        order_by: list[Ordering] = []
        if self._accept("ORDER", "BY"):
            order_by.append(self._ordering())
            while self._accept(","):
                order_by.append(self._ordering())
        limit = self._number() if self._accept("LIMIT") else None
        offset = self._number() if self._accept("OFFSET") else None
        if self._accept("FOR"):
            self._word()
        self._accept("ALL", "ROWS")
        return Query(
            text=self._text,
            items=tuple(items),
            object=name.text,
            object_at=name.at,
            alias=alias,
            where=where,
            group_by=tuple(group_by),
            order_by=tuple(order_by),
            limit=limit,
            offset=offset,
        )

    def _item(self) -> Path | Aggregate | FieldSet:
        token = self._word()
        word = token.text.upper()
        if word == "FIELDS" and self._accept("("):
            which = self._word()
            if which.text.upper() not in {"ALL", "STANDARD", "CUSTOM"}:
                raise self._unexpected(which)
            self._expect(")")
            return FieldSet(which.text.upper(), token.at)
        if word in AGGREGATES and self._accept("("):
            path = None if self._is(")") else self._path()
            self._expect(")")
            if path is None and word != "COUNT":
                raise self._unexpected()
            alias = None
            if self._peek() and not self._is(",") and not self._is("FROM"):
                alias = self._word().text
            return Aggregate(word, path, alias, token.at)
        if word == "FROM":
            raise self._unexpected(token)
        return Path(token.text, token.at)

    def _path(self) -> Path:
        token = self._word()
        return Path(token.text, token.at)

    def _ordering(self) -> Ordering:
        path = self._path()
        descending = self._accept("DESC")
        if not descending:
            self._accept("ASC")
        nulls_last = False
        if self._accept("NULLS"):
            nulls_last = self._accept("LAST")
            if not nulls_last:
                self._expect("FIRST")
        return Ordering(path, descending, nulls_last)

    def _number(self) -> int:
        token = self._take()
        if token.kind != "number" or not token.text.isdigit():
            raise self._unexpected(token)
        return int(token.text)

    def _or_condition(self) -> Condition:
        """Conditions at one level: all AND or all OR; mixing needs parentheses, as in SOQL."""
        conditions = [self._unary()]
        word = None
        while self._is("AND") or self._is("OR"):
            token = self._take()
            if word is not None and token.text.upper() != word:
                raise self._unexpected(token)
            word = token.text.upper()
            conditions.append(self._unary())
        return conditions[0] if word is None else Group(word, tuple(conditions))

    def _unary(self) -> Condition:
        if self._accept("NOT"):
            return Not(self._unary())
        if self._accept("("):
            condition = self._or_condition()
            self._expect(")")
            return condition
        return self._comparison()

    def _comparison(self) -> Comparison:
        path = self._path()
        token = self._take()
        operator = token.text.upper()
        if operator == "NOT":
            self._expect("IN")
            operator = "NOT IN"
        if operator in {"IN", "NOT IN", "INCLUDES", "EXCLUDES"}:
            return Comparison(path, operator, self._list(operator))
        if operator == "<>":
            operator = "!="
        if operator not in {"=", "!=", "<", ">", "<=", ">=", "LIKE"}:
            raise self._unexpected(token)
        return Comparison(path, operator, self._literal())

    def _list(self, operator: str) -> tuple[Literal, ...] | Query:
        self._expect("(")
        if operator in {"IN", "NOT IN"} and self._is("SELECT"):
            inner = self.query()
            self._expect(")")
            return inner
        found = [self._literal()]
        while self._accept(","):
            found.append(self._literal())
        self._expect(")")
        return tuple(found)

    def _literal(self) -> Literal:
        token = self._take()
        if token.kind == "string":
            return Literal("string", _unescape(token.text[1:-1]), token.at)
        if token.kind == "number":
            value = float(token.text) if "." in token.text else int(token.text)
            return Literal("number", value, token.at)
        if token.kind in {"date", "datetime"}:
            return Literal(token.kind, token.text, token.at)
        word = token.text.upper()
        if token.kind == "word" and word in {"TRUE", "FALSE"}:
            return Literal("boolean", word == "TRUE", token.at)
        if token.kind == "word" and word == "NULL":
            return Literal("null", None, token.at)
        if token.kind == "word" and word in {"TODAY", "YESTERDAY", "TOMORROW"}:
            return Literal("relative", (word, 0), token.at)
        if token.kind == "word" and word in {"LAST_N_DAYS", "NEXT_N_DAYS", "N_DAYS_AGO"}:
            self._expect(":")
            return Literal("relative", (word, self._number()), token.at)
        raise self._unexpected(token)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m.group(1), m.group(1)), text, flags=re.DOTALL)
