"""Why two identifiers are one person, or why they are not: the links between them, with reasons.

Reads the tables of the identity graph (docs/identity.md). Of all paths one with the fewest links is
told; of those with as many the first by the identifiers' numbers, so that the same warehouse always
gives the same answer.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime

from duckdb import CatalogException, DuckDBPyConnection

from headwater.errors import SettingsError


@dataclass(frozen=True)
class Identifier:
    """An identifier that the graph knows; ``person_key`` is null where it belongs to nobody."""

    sequence: int
    id_type: str
    id_value: str
    anchor: int | None
    person_key: str | None

    def __str__(self) -> str:
        return f"{self.id_type}:{self.id_value}"


@dataclass(frozen=True)
class Link:
    """What binds two identifiers: the strongest rule, a record that says so, when it was seen.

    ``guard`` says why it joins nobody, null where it joins; ``blamed`` is the identifier that the
    guard is about.
    """

    one: str
    other: str
    rule_id: str
    reading: str
    strength: float
    source_record: str
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    guard: str | None
    blamed: str | None


@dataclass(frozen=True)
class Explanation:
    """``path`` leads from ``one`` to ``other``; empty where no evidence connects them, by way of at
    most one identifier that belongs to neither person."""

    one: Identifier
    other: Identifier
    path: tuple[Link, ...]

    @property
    def is_one_person(self) -> bool:
        """Whether both belong to the same person."""
        return self.one.anchor is not None and self.one.anchor == self.other.anchor


_FIND = """
    select
        registry.sequence, registry.id_type, registry.id_value, components.anchor,
        (
            select people.person_key
            from marts.person_identifiers as people
            where people.id_type = registry.id_type and people.id_value = registry.id_value
        ) as person_key
    from marts.identity_key_registry as registry
    left join intermediate.int_identity__components as components
        on registry.sequence = components.sequence
    where registry.id_value in ($value, lower($value)) and coalesce(registry.id_type = $type, true)
    order by registry.sequence
"""
_JOINING = """
    select links.left_sequence, links.right_sequence
    from intermediate.int_identity__links as links
    semi join (
        select sequence from intermediate.int_identity__components where anchor = $anchor
    ) as members on links.left_sequence = members.sequence
    where links.cut_in is null
"""
_AROUND = """
    with members as (
        select sequence
        from intermediate.int_identity__components
        where anchor in ($one_anchor, $other_anchor)
        union
        select unnest([$one, $other])
    )
    select left_sequence, right_sequence
    from intermediate.int_identity__edges_exclusive
    where
        left_sequence in (select sequence from members)
        or right_sequence in (select sequence from members)
"""
_TELL = """
    with steps as (
        select unnest($ones) as one, unnest($others) as other, unnest(range(len($ones))) as place
    )
    select
        one.node, other.node, edges.rule_id, coalesce(rules.reading, edges.rule_id),
        edges.strength, edges.source_record, edges.first_seen_at, edges.last_seen_at,
        guarded.guard, blamed.node
    from steps
    inner join intermediate.int_identity__edges as edges
        on least(steps.one, steps.other) = edges.left_sequence
        and greatest(steps.one, steps.other) = edges.right_sequence
    inner join intermediate.int_identity__edges_exclusive as guarded
        on edges.left_sequence = guarded.left_sequence
        and edges.right_sequence = guarded.right_sequence
    inner join marts.identity_key_registry as one on steps.one = one.sequence
    inner join marts.identity_key_registry as other on steps.other = other.sequence
    left join marts.identity_key_registry as blamed on guarded.guarded_sequence = blamed.sequence
    left join seeds.identity_rules as rules on edges.rule_id = rules.rule_id
    order by steps.place
"""
_Step = tuple[int, int]


def find(connection: DuckDBPyConnection, text: str) -> Identifier:
    """The identifier that ``text`` names: ``type:value``, or a value that only one type has.

    Raises :class:`SettingsError` when there is none, or several, or no graph yet.
    """
    try:
        known = {row[0] for row in connection.execute("from seeds.identity_id_types").fetchall()}
    except CatalogException:
        raise SettingsError(
            "The warehouse has no identity graph yet.", next_step="Run `headwater cycle`."
        ) from None
    id_type, colon, value = text.strip().partition(":")
    if not colon or id_type not in known:
        id_type, value = "", text.strip()
    found = [
        Identifier(*row)
        for row in connection.execute(_FIND, {"value": value, "type": id_type or None}).fetchall()
    ]
    if not found:
        raise SettingsError(
            f"No source ever showed the identifier {text!r}.",
            next_step=f"Write type:value, with one of the types {', '.join(sorted(known))}.",
        )
    if len(found) > 1:
        raise SettingsError(
            f"{text!r} is {len(found)} identifiers: {', '.join(map(str, found[:10]))}.",
            next_step="Write the one you mean as type:value.",
        )
    return found[0]


def explain(connection: DuckDBPyConnection, one: Identifier, other: Identifier) -> Explanation:
    """Why these two are one person, or what stands between them."""
    if one.anchor is not None and one.anchor == other.anchor:
        edges = connection.execute(_JOINING, {"anchor": one.anchor}).fetchall()
    else:
        edges = connection.execute(
            _AROUND,
            {
                "one": one.sequence,
                "other": other.sequence,
                "one_anchor": one.anchor,
                "other_anchor": other.anchor,
            },
        ).fetchall()
    return Explanation(one, other, _tell(connection, _path(_steps(edges, one.sequence), other)))


def person(connection: DuckDBPyConnection, one: Identifier) -> tuple[Link, ...]:
    """How each other identifier of its person hangs on ``one``: a link for each, nearer ones first.

    Where it belongs to nobody, the bindings that the guards took from it.
    """
    if one.anchor is None:
        nobody = {"one_anchor": None, "other_anchor": None}
        edges = connection.execute(
            _AROUND, {"one": one.sequence, "other": one.sequence, **nobody}
        ).fetchall()
    else:
        edges = connection.execute(_JOINING, {"anchor": one.anchor}).fetchall()
    return _tell(connection, list(_steps(edges, one.sequence).values()))


def _steps(edges: list[_Step], start: int) -> dict[int, _Step]:
    """Breadth first: for each node that can be reached, in that order, the last step to it."""
    neighbours: dict[int, list[int]] = defaultdict(list)
    for left, right in sorted(edges):
        neighbours[left].append(right)
        neighbours[right].append(left)
    steps: dict[int, _Step] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for neighbour in neighbours[node]:
            if neighbour != start and neighbour not in steps:
                steps[neighbour] = (node, neighbour)
                waiting.append(neighbour)
    return steps


def _path(steps: dict[int, _Step], end: Identifier) -> list[_Step]:
    path: list[_Step] = []
    step = steps.get(end.sequence)
    while step is not None:
        path.append(step)
        step = steps.get(step[0])
    return path[::-1]


def _tell(connection: DuckDBPyConnection, steps: list[_Step]) -> tuple[Link, ...]:
    ones, others = [one for one, _ in steps], [other for _, other in steps]
    rows = connection.execute(_TELL, {"ones": ones, "others": others}).fetchall()
    if len(rows) != len(steps):
        raise SettingsError(
            "A link of this person is no edge any more.",
            next_step="The last build of the identity models did not end: run a cycle.",
        )
    return tuple(Link(*row) for row in rows)
