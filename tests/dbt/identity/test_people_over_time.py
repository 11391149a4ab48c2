"""People while links come and go: those of the whole graph, with every change written down."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import networkx as nx
import pyarrow as pa
import pytest

from tests.dbt.dbt_command import dbt

WORLDS = 100
BATCHES = 5
MODELS = (
    "int_identity__links",
    "int_identity__components",
    "person_identifier_history",
    "person_identifiers",
    "person_key_changes",
)
KINDS = {"merge", "unmerge", "move", "new_key", "taken_out"}


def name(sequence: int) -> str:
    return f"{'anonymous_id' if sequence % 3 == 0 else 'email'}:{sequence}"


def key(sequence: int) -> str:
    return hashlib.md5(f"person|{name(sequence)}".encode(), usedforsecurity=False).hexdigest()


@dataclass
class Worlds:
    """Many small graphs side by side, each of identifiers met one after the other."""

    dice: random.Random
    nodes: dict[int, int] = field(default_factory=dict)
    """Identifiers that sources show, and the world each is of."""
    met: int = 0
    guarded: set[int] = field(default_factory=set)
    edges: set[tuple[int, int]] = field(default_factory=set)

    def change(self) -> None:
        """One batch: evidence is new, gone or guarded, in every world."""
        for world in range(WORLDS):
            for _ in range(self.dice.randrange(5)):
                self.met += 1
                self.nodes[self.met] = world
        worlds: dict[int, list[int]] = {}
        for node, world in self.nodes.items():
            worlds.setdefault(world, []).append(node)
        for members in worlds.values():
            gone = [node for node in members if self.dice.random() < 0.04]
            for node in gone:
                del self.nodes[node]
            left = [node for node in members if node in self.nodes]
            for _ in range(self.dice.randrange(4) if len(left) > 1 else 0):
                one, other = sorted(self.dice.sample(left, 2))
                self.edges.add((one, other))
        self.guarded = {node for node in self.nodes if self.dice.random() < 0.03}
        self.edges = {
            edge
            for edge in self.edges
            if set(edge) <= self.nodes.keys() and self.dice.random() < 0.85
        }

    def accepted(self) -> set[tuple[int, int]]:
        return {edge for edge in self.edges if not self.guarded & set(edge)}

    def people(self) -> dict[str, str]:
        """The oracle: identifiers with their person's key, by networkx."""
        graph = nx.Graph()
        graph.add_nodes_from(self.nodes.keys() - self.guarded)
        graph.add_edges_from(self.accepted())
        return {
            name(node): key(min(component, key=lambda other: (other % 3 == 0, other)))
            for component in nx.connected_components(graph)
            for node in component
        }

    def write(self, warehouse: Path) -> None:
        """The tables that the models read."""
        accepted, guarded = self.accepted(), self.guarded
        edges = [
            {
                "left_sequence": edge[0],
                "right_sequence": edge[1],
                "rule_id": "rule",
                "source_record": str(edge),
                "guard": None if edge in accepted else "contested_identifier",
                "guarded_sequence": next((node for node in edge if node in guarded), None),
            }
            for edge in sorted(self.edges)
        ]
        # Some are guarded by themselves, the others by an edge.
        lonely = [
            {"left_sequence": node, "right_sequence": -1, "guard": "role_address"}
            | {"guarded_sequence": node}
            for node in sorted(guarded)
            if node % 2 == 0
        ]
        nodes = [
            {
                "sequence": node,
                "is_device": node % 3 == 0,
                "guard": "blocked_value" if node in guarded and node % 2 else None,
            }
            for node in self.nodes
        ]
        registry = [
            {"sequence": number, "node": name(number)}
            | dict(zip(("id_type", "id_value"), name(number).split(":"), strict=True))
            for number in range(1, self.met + 1)
        ]
        with duckdb.connect(str(warehouse)) as connection:
            for table, rows, columns in (
                ("marts.identity_key_registry", registry, "*"),
                ("intermediate.int_identity__nodes", nodes, "*"),
                ("intermediate.int_identity__edges", edges, "* exclude (guard, guarded_sequence)"),
                (
                    "intermediate.int_identity__edges_exclusive",
                    edges + lonely,
                    "left_sequence, right_sequence, guard, guarded_sequence",
                ),
            ):
                connection.register("rows", pa.Table.from_pylist(rows))
                connection.execute(f"delete from {table}")
                connection.execute(f"insert into {table} by name select {columns} from rows")


@dataclass(frozen=True)
class Step:
    """A batch, as the models saw it and as the oracle does."""

    expected: dict[str, str]
    people: dict[str, str]
    history: dict[str, str]
    changes: list[tuple[str, str, str | None, int, str | None, str | None]]


def people(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(
        connection.execute(
            "select id_type || ':' || id_value, person_key from marts.person_identifiers"
        ).fetchall()
    )


@dataclass(frozen=True)
class Life:
    warehouse: Path
    steps: list[Step]


@pytest.fixture(scope="module")
def life(people_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    warehouse = tmp_path_factory.mktemp("over_time") / "warehouse.duckdb"
    shutil.copy(people_warehouse, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        for table in (
            "intermediate.int_identity__links",
            "intermediate.int_identity__components",
            "marts.person_identifier_history",
            "marts.person_key_changes",
        ):
            connection.execute(f"drop table if exists {table}")
    worlds = Worlds(random.Random(11))
    steps = []
    for number in range(BATCHES):
        worlds.change()
        worlds.write(warehouse)
        dbt(warehouse, "run", "--select", *MODELS)
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            steps.append(
                Step(
                    worlds.people(),
                    people(connection),
                    dict(
                        connection.execute(
                            "select node, person_key from marts.person_identifier_history "
                            "join marts.identity_key_registry using (sequence) "
                            "where closed_in is null"
                        ).fetchall()
                    ),
                    connection.execute(
                        "select kind, from_person_key, to_person_key, identifiers, cause, "
                        "cause_guard from marts.person_key_changes where build = ?",
                        [number + 1],
                    ).fetchall(),
                )
            )
    yield Life(warehouse, steps)


def test_increments_equal_the_whole_graph(life: Life) -> None:
    for step in life.steps:
        assert step.people == step.expected
        assert step.history == step.expected


def test_every_change_of_a_key_is_written_down_with_its_cause(life: Life) -> None:
    seen: Counter[str] = Counter()
    for before, after in zip(life.steps, life.steps[1:], strict=False):
        moved = Counter(
            (person, after.people.get(node))
            for node, person in before.people.items()
            if after.people.get(node) != person
        )
        assert moved == {(was, now): n for _, was, now, n, _, _ in after.changes}
        earlier, later = set(before.people.values()), set(after.people.values())
        for kind, was, now, _, cause, guard in after.changes:
            seen[kind] += 1
            assert kind == (
                "taken_out"
                if now is None
                else {
                    (False, True): "merge",
                    (True, False): "unmerge",
                    (True, True): "move",
                    (False, False): "new_key",
                }[was in later, now in earlier]
            )
            if kind in {"merge", "move"}:
                assert (cause, guard) == ("joined", None)
            if kind == "unmerge":
                assert cause == "cut" and guard in {"evidence_gone", "contested_identifier"}
    assert seen.keys() == KINDS and min(seen.values()) >= 3, seen


def test_a_full_refresh_and_the_other_engine_keep_every_key(life: Life, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(life.warehouse, warehouse)
    dbt(warehouse, "run", "--full-refresh", "--select", *MODELS)
    with duckdb.connect(str(warehouse)) as connection:
        assert people(connection) == life.steps[-1].expected
        changes = connection.execute(
            "select count(*) from marts.person_key_changes where build > ?", [BATCHES]
        ).fetchone()
        assert changes == (0,)
        connection.execute("drop table intermediate.int_identity__components")
    dbt(warehouse, "run", "--select", *MODELS, variables={"identity_engine": "contraction"})
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert people(connection) == life.steps[-1].expected
