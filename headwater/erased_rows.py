"""Finds the rows of any relation that hold identifiers of erased people, by digest and set-based.

Each row gives its candidates: the typed values of its columns and every address in its text, as
``type:value``. The distinct ones are digested by DuckDB and compared with the tombstones; then the
rows that hold one of those found are asked for. So nothing but the digests need be known of the
erased, and a hundred million rows cost a hash of each distinct value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote as url_quote

import duckdb

from headwater.erasures import Tombstones
from headwater.warehouse import literal

BLANKS = r"[\s\x{00A0}\x{200B}\x{FEFF}]+"
_BESIDE = (
    "\u0080-\u00a1\u00ab\u00b7\u00bb\u00bf\u2000-\u206f\u3000-\u303f\ufeff"
    "\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
)
"""Blanks, quotation marks and dashes beyond ASCII, which people and programs write beside one."""
_LABEL = rf"[^\x00-,./:-@\[-`{{-\x7f{_BESIDE}]+"
ADDRESS = rf"[^\x00- \"()*,:;<>@\[\\\]{{}}|=&?/`\x7f{_BESIDE}]+@{_LABEL}(?:\.{_LABEL})+"
"""An address in a text, told by what cannot stand in one: classes of Unicode's letters would cost
DuckDB ten milliseconds a query."""
ESCAPED = (
    ("\\n", " "),
    ("\\r", " "),
    ("\\t", " "),
    ("%40", "@"),
    ("%2B", "+"),
    ("%2b", "+"),
)
"""How JSON and URLs write what may stand beside or within an address."""
GONE = "[erased]"
"""What stands in a text where an address was."""
DEVICE = "$device:"
"""Mixpanel's prefix of a distinct id that is a device's."""

TYPES = (
    "user_id",
    "anonymous_id",
    "email",
    "sfdc_lead_id",
    "sfdc_contact_id",
    "hubspot_contact_id",
    "marketo_lead_id",
    "outreach_prospect_id",
    "person_key",
)
"""The types of identifiers that models and syncs name their columns by."""

Values = Mapping[str, tuple[str, ...]]
"""Per SQL expression of a value as text, the types of identifiers it may hold. The type ``node``
stands for a value that is ``type:value`` itself."""


@dataclass(frozen=True)
class Rows:
    """A relation as the search sees it, all in SQL: what names a row, all of its text, which values
    say whom it is about, and which name somebody only. ``unreadable`` is true of a row whose values
    cannot be told apart: an address in it counts as what it is about."""

    relation: str
    row: str
    text: str
    about: Values = field(default_factory=dict)
    mentions: Values = field(default_factory=dict)
    unreadable: str = "false"


@dataclass(frozen=True)
class Found:
    """``nodes``: the erased identifiers that were met (``type:value``). ``about``: rows to remove,
    ``mentioning``: rows that stay without them."""

    nodes: frozenset[str]
    about: tuple[object, ...]
    mentioning: tuple[object, ...]

    def __bool__(self) -> bool:
        return bool(self.about or self.mentioning)


NOTHING = Found(frozenset(), (), ())


def types_of(column: str) -> tuple[str, ...]:
    """The types of identifiers that a column of a model holds by its name: ``user_id``,
    ``created_by_user_id``."""
    if column == "distinct_id":
        return ("user_id", "anonymous_id")
    return tuple(name for name in TYPES if column == name or column.endswith(f"_{name}"))


class Search:
    """Looks for erased people by one connection: their digests and the key are put where its
    questions find them (bound to each question anew they take half of its time)."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, tombstones: Tombstones) -> None:
        self.connection = connection
        connection.execute(
            "create or replace temp table erasure_key as "
            "select $inner::blob as inner_block, $outer::blob as outer_block",
            {"inner": tombstones.digester.inner, "outer": tombstones.digester.outer},
        )
        connection.execute(
            "create or replace temp table erased_digests as select unnest($digests) as digest",
            {"digests": sorted(tombstones.digests)},
        )

    def find(self, rows: Rows, again: Callable[[], None] = lambda: None) -> Found:
        """The rows of erased people. ``again`` is called before the relation is read a second time,
        which happens only if there are any."""
        about, named = nodes_of(rows.about), nodes_of(rows.mentions)
        texts = _addresses(rows.text)
        known = self.connection.execute(
            f"""
            with candidates as (
                select distinct unnest(list_concat({texts}, {about}, {named})) as node
                from {rows.relation}
            )
            select node
            from candidates
            cross join erasure_key
            where sha256(outer_block || unhex(sha256(inner_block || encode(node)))) in (
                from erased_digests
            )
            """  # noqa: S608 (names of our own contracts and models)
        ).fetchall()
        if not known:
            return NOTHING
        again()
        nodes = sorted(node for (node,) in known)
        found = self.connection.execute(
            f"""
            select
                {rows.row} as row,
                list_has_any({about}, $nodes)
                or ({rows.unreadable}) and list_has_any({texts}, $nodes) as is_about
            from {rows.relation}
            where list_has_any(list_concat({texts}, {about}, {named}), $nodes)
            order by row
            """,  # noqa: S608 (names of our own contracts and models)
            {"nodes": nodes},
        ).fetchall()
        return Found(
            frozenset(nodes),
            tuple(row for row, is_about in found if is_about),
            tuple(row for row, is_about in found if not is_about),
        )


def nodes_of(values: Values) -> str:
    """SQL: the list of ``type:value`` that a row's values may stand for."""
    lists = []
    for value, types in values.items():
        for id_type in types:
            if id_type == "email":
                lists += [f"['email:' || lower({_without_blanks(value)})]", _addresses(value)]
            elif id_type == "node":
                lists.append(f"[{value}]")
            elif id_type == "anonymous_id":
                lists.append(f"['anonymous_id:' || {_without_prefix(value)}]")
            else:
                lists.append(f"['{id_type}:' || trim({value})]")
    if not lists:
        return "[]::varchar[]"
    return f"list_filter(list_concat({', '.join(lists)}), lambda node: node is not null)"


def _addresses(text: str) -> str:
    """SQL: the addresses in a text, as nodes: escaped line ends and the @ of a URL are undone."""
    unescaped = text
    for escaped, meant in ESCAPED:
        unescaped = f"replace({unescaped}, '{escaped}', '{meant}')"
    plain = (
        f"case when contains({text}, '\\') or contains({text}, '%') "
        f"then {unescaped} else {text} end"
    )
    return (
        f"case when contains({text}, '@') or contains({text}, '%40') then "
        f"list_transform(regexp_extract_all({plain}, '{ADDRESS}'), "
        f"lambda address: 'email:' || ltrim(lower(address), '''.')) else []::varchar[] end"
    )


def _without_blanks(value: str) -> str:
    """SQL: an address as the models keep it; replacing costs more than looking."""
    return (
        f"case when regexp_full_match({value}, '[!-~]*') then {value} "
        f"else regexp_replace({value}, '{BLANKS}', '', 'g') end"
    )


def _without_prefix(value: str) -> str:
    return (
        f"case when starts_with({value}, '{DEVICE}') then trim(substr({value}, {len(DEVICE) + 1})) "
        f"else trim({value}) end"
    )


def covering(nodes: frozenset[str]) -> str | None:
    """A pattern (of DuckDB's and Python's dialect) that matches the addresses among ``nodes`` in a
    text, with what stands before and behind as groups 1 and 2; None where there is none."""
    addresses = sorted(node.removeprefix("email:") for node in nodes if node.startswith("email:"))
    if not addresses:
        return None
    written = ["".join(map(_as_written, address)) for address in addresses]
    return rf"(?i)(^|\\[nrt]|[^\w.%+-])(?:{'|'.join(written)})(\.?(?:[^\w.-]|$))"


def _as_written(character: str) -> str:
    """A pattern of a character as it is and as URLs write it: each program quotes others."""
    plain, quoted = re.escape(character), url_quote(character)
    return plain if quoted == character else f"(?:{plain}|{quoted})"


def without_addresses(text: str, pattern: str | None) -> str:
    """A text with :data:`GONE` in the place of each address that ``pattern`` matches."""
    if pattern is None:
        return text
    for _ in range(2):  # of two that stand side by side one match takes the blank between them
        text = re.sub(pattern, rf"\1{GONE}\2", text)
    return text


def sql_without_addresses(text: str, pattern: str) -> str:
    """SQL: the same of a value in the warehouse."""
    for _ in range(2):
        text = f"regexp_replace({text}, {literal(pattern)}, '\\1{GONE}\\2', 'g')"
    return text
