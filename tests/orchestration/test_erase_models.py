"""Who is meant by an address, and what incremental models keep of somebody erased."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from connectors.raw_tables import ensure_raw_tables
from headwater.erased_rows import Search
from headwater.erasures import Tombstones
from headwater.errors import SettingsError
from headwater.person import identifiers_of, normalised_email
from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration.cli import app
from orchestration.erase_models import erase_history, find_in_models

# Ann is 1 to 3, Bob 4 and 5, who had Ann's device 3 once; 6 is a mailbox that both use.
TABLES = """
    create schema marts;
    create schema intermediate;
    create table marts.identity_key_registry as
    from (values
        (1, 'user_id', '7'), (2, 'email', 'ann@x.io'), (3, 'anonymous_id', 'device-3'),
        (4, 'user_id', '77'), (5, 'email', 'bob@x.io'), (6, 'email', 'team@x.io')
    ) as identifiers(sequence, id_type, id_value)
    select *, id_type || ':' || id_value as node;
    create table marts.person_identifiers as
    select
        id_type, id_value,
        case when sequence <= 3 then 'key-ann' else 'key-bob' end as person_key
    from marts.identity_key_registry where sequence <= 5;
    create table intermediate.int_identity__nodes as
    select sequence, case sequence when 6 then 'role_address' end as guard
    from marts.identity_key_registry;
    create table intermediate.int_identity__edges_exclusive (guarded_sequence int, guard varchar);
    create table intermediate.int_identity__links as
    from (values (1, 2, 1, null), (4, 5, 1, null), (3, 4, 2, 3), (1, 3, 3, null))
        as links(left_sequence, right_sequence, opened_in, cut_in);
    create table intermediate.int_identity__owners as
    select sequence, case when sequence <= 3 then 1 else 4 end as owner
    from marts.identity_key_registry;
    create table intermediate.int_identity__components as
    select
        sequence, case when sequence <= 3 then 1 when sequence < 6 then 4 end as anchor,
        case sequence when 3 then 3 else 1 end as links_through
    from marts.identity_key_registry;
    insert into intermediate.int_identity__components values (8, 8, 3);
    create table marts.person_identifier_history as
    from (values
        (1, 1, 'key-ann', 1, 1), (2, 1, 'key-ann', 1, 1), (4, 4, 'key-bob', 1, 1),
        (5, 4, 'key-bob', 1, 1), (3, 4, 'key-bob', 2, 2), (3, 1, 'key-ann', 3, 3),
        (5, 1, 'key-ann', 2, 2), (8, 8, 'key-eve', 3, 3)
    ) as periods(sequence, anchor, person_key, opened_in, links_through);
    create table marts.person_key_changes as
    from (values ('key-bob', 'key-ann', 'anonymous_id:device-3'), ('key-bob', 'key-eve', null))
        as changes(from_person_key, to_person_key, cause_identifier);
    create table intermediate.int_events__flagged as
    from (values
        ('7', '7', null, null, null, 'a'), ('$device:device-3', null, 'device-3', null, null, 'a'),
        ('77', '77', null, null, 'https://x.io/?to=ann%40x.io', 'b'),
        ('77', '77', null, null, null, 'b'), ('77', '77', null, null, null, 'c')
    ) as events(distinct_id, user_id, anonymous_id, email, current_url, _load_id);
"""


@pytest.fixture
def graph() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(TABLES)
        yield connection


def test_an_address_means_its_person_and_none_that_several_share(
    graph: duckdb.DuckDBPyConnection,
) -> None:
    ann = {"user_id:7", "email:ann@x.io", "anonymous_id:device-3", "person_key:key-ann"}
    assert set(identifiers_of(graph, normalised_email(" Ann@X.io\u00a0"))) == ann
    assert identifiers_of(graph, "new@x.io") == {"email:new@x.io": "email"}
    with pytest.raises(SettingsError, match="role_address"):
        identifiers_of(graph, "team@x.io")
    with pytest.raises(SettingsError) as refused:
        normalised_email("ann at x.io")
    assert "ann" not in str(refused.value)


def test_history_forgets_the_person_keeps_the_others_and_gives_no_number_twice(
    graph: duckdb.DuckDBPyConnection,
) -> None:
    search = Search(graph, Tombstones.of(identifiers_of(graph, "ann@x.io")))
    assert find_in_models(search)
    removed = erase_history(search)
    assert removed["marts.identity_key_registry"] == 3
    graph.execute("drop table marts.person_identifiers")  # built anew from what is left
    assert find_in_models(search) == {}
    assert graph.execute(
        "select sequence, node from marts.identity_key_registry order by sequence"
    ).fetchall() == [
        (1, "erased:1"), (2, "erased:2"), (3, "erased:3"),
        (4, "user_id:77"), (5, "email:bob@x.io"), (6, "email:team@x.io"),
    ]  # fmt: skip
    assert graph.execute("from intermediate.int_identity__links").fetchall() == [(4, 5, 1, None)]
    # Build 3 of the links was Ann's alone: its number comes again, and nobody knows it already.
    assert graph.execute(
        "from intermediate.int_identity__components order by all"
    ).fetchall() == [(4, 4, 1), (5, 4, 1), (6, None, 1), (8, 8, 1)]  # fmt: skip
    assert graph.execute(
        "select sequence, person_key, links_through from marts.person_identifier_history "
        "order by all"
    ).fetchall() == [(4, "key-bob", 1), (5, "key-bob", 1), (8, "key-eve", 1)]
    assert graph.execute("from marts.person_key_changes").fetchall() == [
        ("key-bob", "key-eve", None)
    ]
    # Load b is flagged anew, for one of its events lost an address.
    assert graph.execute("select _load_id from intermediate.int_events__flagged").fetchall() == [
        ("c",)
    ]


def test_a_plan_of_somebody_unknown_works_before_the_first_build_and_on_older_raw_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    with connect(Settings()) as connection:
        ensure_raw_tables(connection)
        connection.execute("alter table raw_salesforce.lead drop column do_not_call")
    shown = CliRunner().invoke(app, ["privacy", "erase", "new@x.io", "--plan", "--json"])
    assert shown.exit_code == 0, shown.output
    found = json.loads(shown.stdout)
    assert found["identifiers"] == {"email": 1} and not found["raw"]
    assert not found["at_vendors"]
