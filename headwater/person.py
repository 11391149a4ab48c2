"""Which identifiers are a person's, by one of their addresses: as the identity graph has it."""

from __future__ import annotations

import re

import duckdb

from headwater.errors import SettingsError

_SHAPE = re.compile(r"[^@\s,;<>()]+@[^@\s,;<>()]+\.[^@\s.,;<>()]+")
_PEOPLE = """
    select people.id_type, people.id_value, people.person_key
    from marts.person_identifiers as people
    inner join marts.person_identifiers as asked using (person_key)
    where asked.id_type = 'email' and asked.id_value = $email
"""
_KEYS = """
    with members as (
        select components.sequence
        from intermediate.int_identity__components as components
        inner join intermediate.int_identity__components as asked
            on components.anchor = asked.anchor
        inner join marts.identity_key_registry as registry
            on asked.sequence = registry.sequence
        where registry.id_type = 'email' and registry.id_value = $email
    )
    select distinct person_key
    from marts.person_identifier_history
    where sequence in (from members) and anchor in (from members)
"""
_GUARDS = """
    select distinct coalesce(nodes.guard, edges.guard)
    from marts.identity_key_registry as registry
    left join intermediate.int_identity__nodes as nodes on registry.sequence = nodes.sequence
    left join intermediate.int_identity__edges_exclusive as edges
        on registry.sequence = edges.guarded_sequence
    where registry.id_type = 'email' and registry.id_value = $email
"""


def normalised_email(text: str) -> str:
    """An address as the warehouse keeps it: no blanks, lower case.

    Raises :class:`SettingsError` when it is none. The text is not repeated.
    """
    email = re.sub(r"[\s\u200b\ufeff]+", "", text).lower()
    if not _SHAPE.fullmatch(email):
        raise SettingsError(
            "What was given is no e-mail address.", next_step="Write it as name@host."
        )
    return email


def identifiers_of(connection: duckdb.DuckDBPyConnection, email: str) -> dict[str, str]:
    """Every identifier (``type:value``) of the person with this address, with its type; the keys
    the person has and had among them.

    An address that the graph never met is an identifier of its own. Raises :class:`SettingsError`
    for one that belongs to nobody because several people share it.
    """
    nodes = {f"email:{email}": "email"}
    if not _is_built(connection):
        return nodes
    people = connection.execute(_PEOPLE, {"email": email}).fetchall()
    if people:
        for id_type, id_value, person_key in people:
            nodes[f"{id_type}:{id_value}"] = id_type
            nodes[f"person_key:{person_key}"] = "person_key"
        for (person_key,) in connection.execute(_KEYS, {"email": email}).fetchall():
            nodes[f"person_key:{person_key}"] = "person_key"
        return nodes
    guards = [row[0] for row in connection.execute(_GUARDS, {"email": email}).fetchall() if row[0]]
    if guards:
        raise SettingsError(
            f"This address belongs to no one person ({', '.join(sorted(guards))}): several people "
            "share it.",
            next_step="`headwater identity explain` shows who uses it. Erase the people by an "
            "address of their own; what is shared stays.",
        )
    return nodes


def _is_built(connection: duckdb.DuckDBPyConnection) -> bool:
    return bool(
        connection.execute(
            "select 1 from duckdb_tables() "
            "where schema_name = 'marts' and table_name = 'person_identifiers'"
        ).fetchone()
    )
