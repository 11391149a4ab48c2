"""``headwater privacy erase`` on the company of the cycles: searched for everywhere afterwards."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from connectors.run import run_source
from headwater.clock import clock_from
from headwater.http import ApiSession
from headwater.settings import Settings, load
from headwater.system_settings import HubSpotSettings
from headwater.warehouse import connect
from orchestration.cli import app
from syncs import history
from tests.end_to_end.conftest import World

SENT_TO_MOST = """
    select mails.id_value, others.id_type, others.id_value, person_key
    from marts.person_identifiers as mails
    inner join marts.person_identifiers as others using (person_key)
    where mails.id_type = 'email' and person_key = (
        select person_key
        from marts.person_identifiers
        semi join activation.outreach__prospects using (person_key)
        where person_key in (
            select person_key
            from marts.person_identifiers as addresses
            inner join activation.hubspot__overage_campaign as campaign
                on addresses.id_type = 'email' and addresses.id_value = campaign.email
        )
        group by person_key
        order by count(distinct id_type) desc, count(*) desc, person_key
        limit 1
    )
    order by all
"""
HOLDS = "list_bool_or(list_transform($words, lambda word: contains(told, word)))"


def privacy(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["privacy", *arguments])


def words_in(home: Path, words: list[str]) -> Iterator[str]:
    """Every place below a home that holds one of these words: tables, files, their lines."""
    lowered = [word.lower() for word in words]
    for path in sorted(home.rglob("*")):
        if not path.is_file() or "sandbox" in path.relative_to(home).parts:
            continue
        name = str(path.relative_to(home))
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                for schema, table in connection.execute(
                    "select schema_name, table_name from duckdb_tables()"
                ).fetchall():
                    [(rows,)] = connection.execute(
                        "select count(*) from (select lower(cast(to_json(t) as varchar)) as told "
                        f'from "{schema}"."{table}" as t) where {HOLDS}',
                        {"words": lowered},
                    ).fetchall()
                    if rows:
                        yield f"{name}: {schema}.{table}: {rows} rows"
        if path.suffix == ".parquet":
            told = str(duckdb.sql(f"from '{path}'").fetchall()).lower()
            if any(word in told for word in lowered):
                yield name
        else:
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            if any(word.encode() in content.lower() for word in lowered):
                yield name


@pytest.fixture(scope="module")
def person(world: World) -> tuple[list[str], dict[str, list[str]], str]:
    """Somebody whom syncs sent to HubSpot and Outreach: addresses, identifiers by type, key."""
    assert world.first
    with connect(load(Settings), read_only=True) as connection:
        rows = connection.execute(SENT_TO_MOST).fetchall()
    identifiers: dict[str, list[str]] = {}
    for _, id_type, id_value, _ in rows:
        if id_value not in identifiers.setdefault(id_type, []):
            identifiers[id_type].append(id_value)
    return sorted({row[0] for row in rows}), identifiers, str(rows[0][3])


def people(settings: Settings, but: str = "") -> list[tuple[str, str, str]]:
    """Who is who: every identifier with its person, but one."""
    with connect(settings, read_only=True) as connection:
        return connection.execute(
            "select id_type, id_value, person_key from marts.person_identifiers "
            "where person_key <> ? order by all",
            [but],
        ).fetchall()


def words(person: tuple[list[str], dict[str, list[str]], str]) -> list[str]:
    """What tells the person by itself, whatever column it stands in."""
    _, identifiers, key = person
    return [key] + [
        value
        for id_type in ("email", "anonymous_id", "sfdc_lead_id", "sfdc_contact_id")
        for value in identifiers.get(id_type, [])
    ]


def test_a_person_is_planned_erased_and_found_nowhere(
    world: World, person: tuple[list[str], dict[str, list[str]], str]
) -> None:
    settings = load(Settings)
    (address, *_), identifiers, key = person
    assert set(identifiers) >= {"user_id", "hubspot_contact_id", "anonymous_id", "email"}
    others = people(settings, but=key)
    before = list(words_in(settings.home, words(person)))
    assert len(before) > 20

    planned = privacy("erase", f" {address.upper()} ", "--plan", "--json")
    assert planned.exit_code == 0, planned.output
    found = json.loads(planned.stdout)
    assert found["identifiers"]["email"] == len(identifiers["email"])
    assert found["raw"]["raw_product.users"] == [1, 0]
    assert not (settings.landing_zone / "erasures").exists(), "a plan changes nothing"

    shown = privacy("erase", address, "--yes", "--json")
    assert shown.exit_code == 0, shown.output
    told = json.loads(shown.stdout)
    assert f"product user {identifiers['user_id'][0]}" in told["to_be_deleted_by_you"]
    owed = {deletion["record_id"] for deletion in told["deletions"]}
    assert owed >= {*identifiers["hubspot_contact_id"]} and told["finished_at"]
    assert {table: sum(counts) for table, counts in found["raw"].items()} == told["steps"]["raw"]
    assert set(told["steps"]["syncs"]) >= {"hubspot__overage_campaign", "outreach__prospects"}
    cleared = history.status("hubspot__overage_campaign", settings, runs=1)[0]
    assert (cleared["status"], cleared["removed"]) == ("clean", 1)
    # Ids of records at vendors stay in the queue of deletions alone, until they are acknowledged.
    [queue] = settings.landing_zone.glob("erasures/0*.json")
    queued = list(words_in(settings.home, words(person)))
    assert set(queued) <= {str(queue.relative_to(settings.home))}
    assert address not in queue.read_text() and key not in queue.read_text()
    assert people(settings) == others
    [user] = identifiers["user_id"]
    with connect(settings, read_only=True) as connection:
        assert connection.execute(
            "select (select count(*) from raw_product.memberships where user_id = $user), "
            "(select count(*) from raw_product.group_orders where organiser_user_id = $user), "
            "(select count(*) from intermediate.int_events__flagged where user_id = $name), "
            "(select count(*) from marts.fct_events where user_id = $name)",
            {"user": int(user), "name": user},
        ).fetchall() == [(0, 0, 0, 0)]


def test_what_a_source_sends_again_is_dropped_and_counted(
    world: World, person: tuple[list[str], dict[str, list[str]], str]
) -> None:
    settings = load(Settings)
    assert world.first
    with connect(settings) as connection:
        connection.execute("delete from landing.cursors where source = 'hubspot'")
    results = run_source("hubspot", settings, clock_from(settings), "all of it again")
    assert {result.stream: result.erased for result in results}["contacts"] == 1
    with connect(settings, read_only=True) as connection:
        assert connection.execute(
            "select count(*), bool_and(received = landed + duplicates + quarantined + erased) "
            "from landing.loads where erased > 0"
        ).fetchall() == [(sum(result.erased > 0 for result in results), True)]
    zone = settings.landing_zone
    assert {name.partition("/")[0] for name in words_in(zone, words(person))} <= {"erasures"}


def test_vendors_delete_what_was_queued_and_its_ids_go_too(
    world: World, person: tuple[list[str], dict[str, list[str]], str]
) -> None:
    _, identifiers, _ = person
    portal = ApiSession("HubSpot", f"{world.url}/hubspot", load(Settings))
    token = load(HubSpotSettings).access_token.get_secret_value()

    def held(contact: str) -> int:
        path = f"/crm/v3/objects/contacts/{contact}"
        headers = {"Authorization": f"Bearer {token}"}
        return portal.call("GET", path, accept=(404,), headers=headers).status_code

    contacts = identifiers["hubspot_contact_id"]
    assert {held(contact) for contact in contacts} == {200}
    delivered = privacy("deliver", "--yes", "--json")
    assert delivered.exit_code == 0, delivered.output
    assert {held(contact) for contact in contacts} == {404}
    deletions = json.loads(delivered.stdout)[0]["deletions"]
    assert {(one["vendor"], one["outcome"]) for one in deletions if one["record_id"]} <= {
        ("mixpanel", "under way"), ("product", None), ("support", None),
    }  # fmt: skip
    assert {one["outcome"] for one in deletions if not one["record_id"]} == {"deleted"}
