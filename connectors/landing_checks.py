"""From a contract to SQL: how a stream's parts become typed columns, and what breaks the contract.

Each function gives the text of one SQL expression. ``raw`` is the expression of a column's value
as the source wrote it, always text; names come from contracts in the code, and every literal that
is not one is quoted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from connectors.contract import Clock, Column
from connectors.rules import Rule
from connectors.stream import Stream
from headwater.warehouse import literal, quote

LONGEST_VALUE = 100
YEAR_10000 = 253_402_300_800
"""Epoch seconds from which a moment is not believed."""


def fields(stream: Stream, record: str) -> str:
    """All columns of a JSON record as one nested struct of text, in a single parse."""
    shape = _nested({column.path: "VARCHAR" for column in stream.columns})
    return f"json_transform({record}, {literal(json.dumps(shape))})"


def json_path(path: tuple[str, ...]) -> str:
    """A path into a JSON record, as DuckDB writes it."""
    return "$" + "".join('."' + step.replace('"', '\\"') + '"' for step in path)


def typed(column: Column, raw: str, timezone: str, *, is_key: bool) -> str:
    """The value of ``raw`` as the column's type, null where it isn't one."""
    text = raw if column.type == "VARCHAR" and not is_key else f"nullif({raw}, '')"
    number = f"try_cast({text} as double)"
    match column.type:
        case "VARCHAR":
            value = text
        case "BIGINT":  # a plain cast would round 4.7 to 5
            value = f"case when {number} = trunc({number}) then try_cast({text} as bigint) end"
        case "BOOLEAN":  # a plain cast would take 1, t and yes
            value = f"case lower({text}) when 'true' then true when 'false' then false end"
        case "JSON":
            value = f"case when left({text}, 1) in ('{{', '[') then try_cast({text} as json) end"
        case "TIMESTAMP" if column.clock is Clock.EPOCH_SECONDS:
            value = (
                f"case when {number} >= 0 and {number} < {YEAR_10000} "
                f"then make_timestamp(cast(round({number} * 1e6) as bigint)) end"
            )
            if timezone != "UTC":
                value = f"cast(timezone({literal(timezone)}, {value}) as timestamp)"
        case "TIMESTAMP" if column.clock is Clock.EPOCH_MILLISECONDS:
            value = (
                f"case when {number} >= 0 and {number} < {YEAR_10000 * 1000} "
                f"then make_timestamp(cast(round({number} * 1e3) as bigint)) end"
            )
        case "TIMESTAMP":  # a cast to TIMESTAMP would drop the offset
            value = f"cast(try_cast({text} as timestamptz) as timestamp)"
        case other:
            value = f"try_cast({text} as {other})"
    return value


def holds(column: Column, value: str, raw: str) -> str:
    """Whether a column keeps its contract; of text columns, see also :func:`holds_text`."""
    if column.required:
        return f"{value} is not null"
    return "true" if column.type == "VARCHAR" else f"({value} is not null or {_empty(raw)})"


def holds_text(columns: Mapping[Column, str], record: str) -> str:
    """Whether text columns (with their ``raw``) got text and no object or list, which is written
    like text that begins with a bracket: the record is parsed again only where one of them does."""
    if not columns:
        return "true"
    suspect = " or ".join(_may_be_nested(raw) for raw in columns.values())
    nested = " or ".join(_is_nested(column, raw, record) for column, raw in columns.items())
    return f"case when {suspect} then not ({nested}) else true end"


def complaint(column: Column, value: str, raw: str, record: str | None) -> str:
    """What is wrong with a column, null if nothing: the column, the value and the rule."""
    name = f"column {column.name} ({'.'.join(column.path)})"
    shown = f"left({raw}, {LONGEST_VALUE})"
    cases = []
    if column.type != "VARCHAR":
        what = _TYPE_WORDS.get(column.type, column.type)
        cases.append(
            f"when {value} is null and not {_empty(raw)} "
            f"then concat({literal(name + ': value ')}, '''', {shown}, '''', ' is not {what}')"
        )
    elif record is not None:
        cases.append(
            f"when {_is_nested(column, raw, record)} "
            f"then concat({literal(name + ': value ')}, '''', {shown}, '''', ' is not text')"
        )
    if column.required:
        cases.append(f"when {value} is null then {literal(name + ': missing, but required')}")
    return f"case {' '.join(cases)} end" if cases else "null"


def keeps(rule: Rule) -> str:
    """Whether a record keeps a rule."""
    return f"not coalesce({rule.broken}, false)"


def reproach(rule: Rule) -> str:
    """What is wrong with a record that breaks a rule, null if nothing."""
    return f"case when {rule.broken} then {rule.reason} end"


def without_known_fields(stream: Stream, record: str) -> str:
    """A JSON record less what the contract knows; emptied objects stay."""
    known = literal(json.dumps(_nested(dict.fromkeys(known_paths(stream)))))
    return f"json_merge_patch({record}, {known})"  # RFC 7396: null removes a field


def unknown_fields(stream: Stream, rest: str) -> str:
    """``rest`` (from :func:`without_known_fields`), null if only emptied objects are left."""
    names = "|".join(sorted({_escape(path[-1]) for path in parents(stream) if path}))
    if not names:
        return f"nullif({rest}, '{{}}')"
    emptied = _nested({path: {} for path in parents(stream) if path})
    longest = len(json.dumps(emptied, separators=(",", ":"), ensure_ascii=False).encode())
    pattern = literal(f'"(?:{names})":')
    bare = f"regexp_replace({rest}, {pattern}, '', 'g')"
    return (
        f"case when strlen({rest}) > {longest} or not regexp_full_match({bare}, '[{{}},]*') "
        f"then {rest} end"
    )


def known_paths(stream: Stream) -> list[tuple[str, ...]]:
    """The paths of all columns and of the fields that are ignored."""
    return [column.path for column in stream.columns] + [
        tuple(path.split(".")) for path in stream.ignored
    ]


def parents(stream: Stream) -> list[tuple[str, ...]]:
    """The objects that known paths run through, the record itself first."""
    return sorted({path[:depth] for path in known_paths(stream) for depth in range(len(path))})


def version(stream: Stream, alias: str) -> str:
    """What orders the copies of one key: the greatest of the version columns."""
    columns = [f"{alias}.{quote(name)}" for name in stream.version]
    match len(columns):
        case 0:
            return "0"
        case 1:
            return columns[0]
        case _:
            return f"greatest({', '.join(columns)})"


def tombstone(stream: Stream, alias: str) -> str:
    """Since when a row is gone, null while it lives."""
    deletes = stream.deletes
    at = f"{alias}.{quote(deletes.at)}" if deletes.at else None
    if deletes.flag:
        since = f"coalesce({at}, {version(stream, alias)})" if at else version(stream, alias)
        return f"case when {alias}.{quote(deletes.flag)} then {since} end"
    return at or "cast(null as timestamp)"


_TYPE_WORDS = {
    "BIGINT": "a whole number",
    "DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "TIMESTAMP": "a moment",
    "DATE": "a date",
    "JSON": "a list or object",
}


def _nested(leaves: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    """Leaves by path as nested objects."""
    root: dict[str, Any] = {}
    for path, leaf in leaves.items():
        node = root
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = leaf
    return root


def _empty(raw: str) -> str:
    return f"({raw} is null or {raw} = '')"


def _is_nested(column: Column, raw: str, record: str) -> str:
    """Whether a text column got an object or a list; the record is only parsed if it may be."""
    kind = f"json_type({record}, {literal(json_path(column.path))})"
    return (
        f"case when {_may_be_nested(raw)} "
        f"then coalesce({kind} in ('OBJECT', 'ARRAY'), false) else false end"
    )


def _may_be_nested(raw: str) -> str:
    return f"coalesce(prefix({raw}, '{{') or prefix({raw}, '['), false)"


def _escape(name: str) -> str:
    return "".join(character if character.isalnum() else f"\\{character}" for character in name)
