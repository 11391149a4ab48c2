"""``headwater identity explain``: on a graph of a few identifiers, against networkx."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import networkx as nx
import pytest
from typer.testing import CliRunner

from orchestration.cli import app

USERS, EMAILS = range(1, 9), range(9, 41)
TABLES = """
    create schema marts;
    create schema intermediate;
    create schema seeds;
    create table seeds.identity_id_types as
    select unnest(['user_id', 'email']) as id_type;
    create table seeds.identity_rules as select 'rule' as rule_id, 'Somebody said so' as reading;
    create table marts.identity_key_registry as
    select
        range as sequence,
        case when range <= 8 then 'user_id' else 'email' end as id_type,
        case when range <= 8 then range::varchar else 'mail' || range || '@x.io' end as id_value,
        id_type || ':' || id_value as node
    from range(1, 41);
    create table intermediate.int_identity__edges (
        left_sequence bigint, right_sequence bigint, rule_id varchar, strength double,
        source_record varchar, first_seen_at timestamp, last_seen_at timestamp
    );
    create table intermediate.int_identity__edges_exclusive (
        left_sequence bigint, right_sequence bigint, guard varchar, guarded_sequence bigint
    );
    create view intermediate.int_identity__links as
    select left_sequence, right_sequence, null::bigint as cut_in
    from intermediate.int_identity__edges_exclusive where guard is null;
    create table intermediate.int_identity__components (sequence bigint, anchor bigint);
    create view marts.person_identifiers as
    select id_type, id_value, 'person-' || anchor as person_key
    from intermediate.int_identity__components
    inner join marts.identity_key_registry using (sequence)
    where anchor is not null;
"""


def name(sequence: int) -> str:
    return f"user_id:{sequence}" if sequence in USERS else f"email:mail{sequence}@x.io"


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[nx.Graph]:
    """Eight users' trees of addresses with some more edges; 40 is an address of users 1 and 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    dice = random.Random(5)
    joined = nx.Graph()
    joined.add_nodes_from([*USERS, *EMAILS])
    for email in EMAILS[:-1]:
        others = [node for node in range(1, email) if node % 8 == email % 8]
        joined.add_edge(dice.choice(others), email)
        joined.add_edge(dice.choice(others), email)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as connection:
        connection.execute(TABLES)
        edges = [(*sorted(edge), None, None) for edge in joined.edges]
        edges += [(user, 40, "contested_identifier", 40) for user in (1, 2)]
        for left, right, guard, blamed in edges:
            connection.execute(
                "insert into intermediate.int_identity__edges values "
                "(?, ?, 'rule', 0.9, 'source/1', '2025-01-01', '2025-02-01')",
                [left, right],
            )
            connection.execute(
                "insert into intermediate.int_identity__edges_exclusive values (?, ?, ?, ?)",
                [left, right, guard, blamed],
            )
        for component in nx.connected_components(joined.subgraph(range(1, 40))):
            for node in component:
                connection.execute(
                    "insert into intermediate.int_identity__components values (?, ?)",
                    [node, min(component)],
                )
    yield joined


def explain(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["identity", "explain", *arguments])


def told(*arguments: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(explain(*arguments, "--json").stdout)
    return answer


def test_the_path_is_a_shortest_one_and_each_link_is_an_edge(graph: nx.Graph) -> None:
    for user in (1, 3, 8):
        for email in nx.node_connected_component(graph, user) - {user}:
            found = told(name(user), name(email))
            steps = [(link["one"], link["other"]) for link in found["links"]]
            assert found["is_one_person"]
            assert len(steps) == nx.shortest_path_length(graph, user, email)
            assert steps[0][0] == name(user) and steps[-1][1] == name(email)
            assert all(step[1] == later[0] for step, later in itertools.pairwise(steps))
            edges = {frozenset(map(name, edge)) for edge in graph.edges}
            assert all(frozenset(step) in edges for step in steps)


def test_a_whole_person_is_a_tree_over_all_identifiers(graph: nx.Graph) -> None:
    others = nx.node_connected_component(graph, 3) - {3}
    assert {link["other"] for link in told("user_id:3")["links"]} == set(map(name, others))


def test_the_guard_that_stands_between_two_people_is_named(graph: nx.Graph) -> None:
    shown = explain("user_id:1", "2")
    assert shown.exit_code == 2
    assert "not one; stopped by contested_identifier" in shown.stdout
    assert "CUT by contested_identifier of email:mail40@x.io" in shown.stdout
    assert [link["blamed"] for link in told("1", "2")["links"]] == ["email:mail40@x.io"] * 2
    assert "n0 -.-|" in explain("1", "2", "--mermaid").stdout
    assert "no evidence connects them" in explain("3", "4").stdout
    shown = explain("mail40@x.io")
    assert "of no person" in shown.stdout
    assert shown.stdout.count("CUT by contested_identifier of email:mail40@x.io") == 2


def test_case_of_addresses_does_not_matter_and_unknown_ones_are_refused(graph: nx.Graph) -> None:
    assert told("MAIL9@x.io")["one"] == "email:mail9@x.io"
    shown = explain("nobody@x.io")
    assert shown.exit_code == 1 and "nobody@x.io" in shown.output


def test_before_the_first_build_it_is_said_that_there_is_no_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    answer = explain("user_id:1")
    assert answer.exit_code == 1
    assert "no identity graph yet" in answer.stderr and "headwater cycle" in answer.stderr
