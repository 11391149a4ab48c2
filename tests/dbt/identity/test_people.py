"""Who is who in the known world, and what the guards took out."""

from __future__ import annotations

import duckdb
import networkx as nx
import pytest

from tests.dbt.identity.known_people import ZEROS, contact, lead


def person(connection: duckdb.DuckDBPyConnection, id_type: str, id_value: str) -> str | None:
    found = connection.execute(
        "select person_key from marts.person_identifiers where id_type = ? and id_value = ?",
        [id_type, id_value],
    ).fetchone()
    return str(found[0]) if found else None


@pytest.mark.parametrize(
    ("user", "id_type", "id_value"),
    [
        ("1", "anonymous_id", "ana-laptop"),
        ("1", "email", "ana@acme.com"),
        ("1", "sfdc_lead_id", lead(1)),
        ("1", "sfdc_lead_id", lead(7)),
        ("2", "email", "bob+grub@acme.com"),
        ("2", "email", "bob@acme.com"),
        ("2", "sfdc_lead_id", lead(5)),
        ("4", "anonymous_id", "dan-phone-1"),
        ("4", "anonymous_id", "dan-phone-2"),
        ("5", "hubspot_contact_id", "502"),
        ("1", "marketo_lead_id", "701"),
        ("1", "marketo_lead_id", "702"),
        ("1", "email", "ana.second@acme.com"),
        ("4", "outreach_prospect_id", "801"),
        ("4", "email", "dan.elsewhere@web.io"),
    ],
)
def test_identifier_belongs_to_user(
    people: duckdb.DuckDBPyConnection, user: str, id_type: str, id_value: str
) -> None:
    assert person(people, "user_id", user) is not None
    assert person(people, id_type, id_value) == person(people, "user_id", user)


def test_a_person_without_a_user(people: duckdb.DuckDBPyConnection) -> None:
    assert person(people, "hubspot_contact_id", "501") == person(
        people, "anonymous_id", "visitor-tablet"
    )
    assert person(people, "sfdc_lead_id", lead(10)) == person(people, "sfdc_contact_id", contact(1))
    assert person(people, "sfdc_lead_id", lead(10)) == person(people, "marketo_lead_id", "704")
    assert person(people, "hubspot_contact_id", "503") == person(people, "email", "fay@newco.io")


def test_a_no_to_marketo_or_outreach_is_a_no_of_the_person(
    people: duckdb.DuckDBPyConnection,
) -> None:
    found = people.execute(
        "select user_id, marketo_lead_id, outreach_prospect_id from marts.dim_people "
        "where user_id in ('1', '4') and not sales_consent and not marketing_consent order by all"
    ).fetchall()
    assert found == [("1", "701", None), ("4", None, "801")]


@pytest.mark.parametrize(
    ("guard", "identifier"),
    [
        ("contested_identifier", "anonymous_id:kitchen-tablet"),
        ("blocked_value", f"anonymous_id:{ZEROS}"),
        ("role_address", "email:office@acme.com"),
        ("contested_record", f"sfdc_lead_id:{lead(2)}"),
    ],
)
def test_guard_takes_the_identifier_out(
    people: duckdb.DuckDBPyConnection, guard: str, identifier: str
) -> None:
    found = people.execute(
        "select distinct guard from marts.identity_guarded_edges where guarded_identifier = ?",
        [identifier],
    ).fetchall()
    assert found == [(guard,)]
    assert person(people, *identifier.split(":", 1)) is None


def test_no_person_has_two_users_and_shared_inboxes_join_nobody(
    people: duckdb.DuckDBPyConnection,
) -> None:
    keys = [person(people, "user_id", str(n)) for n in range(1, 8)]
    assert len(set(keys)) == 7 and None not in keys
    assert person(people, "sfdc_lead_id", lead(3)) != person(people, "sfdc_lead_id", lead(4))


def test_components_equal_networkx(people: duckdb.DuckDBPyConnection) -> None:
    graph = nx.Graph()
    graph.add_edges_from(
        people.execute(
            "select left_sequence, right_sequence from intermediate.int_identity__edges_exclusive "
            "where guard is null"
        ).fetchall()
    )
    expected = {frozenset(component) for component in nx.connected_components(graph)}
    clusters: dict[int, set[int]] = {}
    for node, anchor in people.execute(
        "select sequence, anchor from intermediate.int_identity__components"
    ).fetchall():
        clusters.setdefault(anchor, set()).add(node)
    assert {frozenset(c) for c in clusters.values() if len(c) > 1} == expected
    assert max(map(len, expected)) >= 600


def test_events_count_once_and_go_to_their_person(people: duckdb.DuckDBPyConnection) -> None:
    events = people.execute(
        "select split_part(flagged.insert_id, '-', 2), events.person_key "
        "from marts.fct_events as events join staging.stg_mixpanel__events as flagged "
        "using (event_id)"
    ).fetchall()
    found = dict(events)
    assert set(found) == {"1", "2", "3", "4", "5", "6", "7", "8", "11", "14", "14b"}
    assert found["1"] == found["2"] == person(people, "user_id", "1")
    assert found["3"] is None
    assert found["4"] == person(people, "user_id", "2")


def test_staff_is_internal_on_its_devices_too(people: duckdb.DuckDBPyConnection) -> None:
    found = people.execute("select user_id from marts.dim_people where is_internal").fetchall()
    assert found == [("7",)]
