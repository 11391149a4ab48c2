"""Each destination against its local server: what arrives, and what faults do to it."""

from __future__ import annotations

import gzip
import json
import socket
import traceback
from datetime import UTC, datetime
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from pydantic import SecretStr

from headwater.errors import CredentialError
from headwater.settings import Settings
from headwater.warehouse import connect
from sandbox.credentials import ACCOUNTS_PROJECT_ID
from syncs.destinations import product
from syncs.registry import definition
from syncs.run import check, rows, run
from syncs.state import RunStatus
from tests.sandbox.conftest import Served
from tests.syncs.conftest import QuietClock

COLUMNS = {
    "salesforce__signup_leads": "user_id varchar, organization_id varchar, first_name varchar, "
    "last_name varchar, email varchar, company varchar, title varchar, country varchar, "
    "lead_source varchar, has_opted_out_of_email boolean, do_not_call boolean, "
    "icp_tier varchar, icp_score double, icp_reasons varchar, is_pql boolean, pql_reasons varchar",
    "salesforce__account_scores": "sfdc_account_id varchar, icp_tier varchar, icp_score double, "
    "icp_reasons varchar, is_pql boolean, pql_reasons varchar, current_icp_tier varchar, "
    "current_icp_score double, current_icp_reasons varchar, current_is_pql boolean, "
    "current_pql_reasons varchar",
    "hubspot__overage_campaign": "email varchar, first_name varchar, last_name varchar, "
    "campaign varchar, workspace_id varchar, workspace_name varchar, meter varchar, "
    "used_share double",
    "launchdarkly__paywall": "workspace_id varchar",
    "outreach__prospects": "person_key varchar, email varchar, first_name varchar, "
    "last_name varchar, title varchar, company varchar",
    "outreach__sdr_tasks": "task_key varchar, person_key varchar, workspace_id varchar, "
    "due_at timestamp, note varchar",
    "mixpanel__account_events": "insert_id varchar, event varchar, event_at timestamp, "
    "distinct_id varchar, user_id varchar, workspace_id varchar, platform varchar",
    "product__in_app_banners": "workspace_id varchar, banner_code varchar, headline varchar, "
    "meter varchar, used bigint, included bigint, period_end date",
}


class World:
    """A scratch home pointed at the served sandbox."""

    def __init__(self, sandbox: Served, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        known = sandbox.credentials
        self.served = sandbox
        self.settings = Settings(home=tmp_path / "home", http_retries=1)
        self.clock = QuietClock(datetime(2025, 8, 29, tzinfo=UTC))
        environment = {
            "SALESFORCE_DOMAIN": "acme.my",
            "SALESFORCE_CLIENT_ID": known["salesforce"]["client_id"],
            "SALESFORCE_CLIENT_SECRET": known["salesforce"]["client_secret"],
            "SALESFORCE_BASE_URL": f"{sandbox.url}/salesforce",
            "HUBSPOT_ACCESS_TOKEN": known["hubspot"]["access_token"],
            "HUBSPOT_BASE_URL": f"{sandbox.url}/hubspot",
            "LAUNCHDARKLY_ACCESS_TOKEN": known["launchdarkly"]["access_token"],
            "LAUNCHDARKLY_PROJECT_KEY": known["launchdarkly"]["project_key"],
            "LAUNCHDARKLY_ENVIRONMENT_KEY": known["launchdarkly"]["environment_key"],
            "LAUNCHDARKLY_BASE_URL": f"{sandbox.url}/launchdarkly",
            "OUTREACH_CLIENT_ID": known["outreach"]["client_id"],
            "OUTREACH_CLIENT_SECRET": known["outreach"]["client_secret"],
            "OUTREACH_REFRESH_TOKEN": known["outreach"]["refresh_token"],
            "OUTREACH_BASE_URL": f"{sandbox.url}/outreach",
            "MIXPANEL_SERVICE_ACCOUNT_USERNAME": known["mixpanel"]["username"],
            "MIXPANEL_SERVICE_ACCOUNT_SECRET": known["mixpanel"]["secret"],
            "MIXPANEL_PROJECT_ID": "1",
            "MIXPANEL_ACCOUNTS_PROJECT_ID": str(ACCOUNTS_PROJECT_ID),
            "MIXPANEL_IMPORT_BASE_URL": f"{sandbox.url}/mixpanel",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    def model(self, name: str, *content: tuple[Any, ...]) -> None:
        with connect(self.settings) as connection:
            connection.execute("create schema if not exists activation")
            connection.execute(f"create or replace table activation.{name} ({COLUMNS[name]})")
            if content:
                columns = {
                    f"c{n}": list(cells) for n, cells in enumerate(zip(*content, strict=True))
                }
                connection.register("content", pa.table(columns))
                connection.execute(f"insert into activation.{name} select * from content")

    def run(self, name: str, **options: Any) -> Any:
        return run(name, self.settings, self.clock, "cycle", **options)

    def stored(self, vendor: str, table: str) -> list[dict[str, Any]]:
        return self.served.stores[vendor].rows(table)


@pytest.fixture
def world(served, tmp_path, monkeypatch):
    return World(served, tmp_path, monkeypatch)


def signup(number: int, **changes: Any) -> tuple[Any, ...]:
    row = {
        "user_id": f"{number}",
        "organization_id": "7",
        "first_name": "Ada",
        "last_name": f"Lovelace {number}",
        "email": f"ada{number}@example.com",
        "company": "Acme",
        "title": None,
        "country": None,
        "lead_source": "Product",
        "has_opted_out_of_email": False,
        "do_not_call": True,
        "icp_tier": "A",
        "icp_score": 71.5,
        "icp_reasons": "Software, 120 people",
        "is_pql": False,
        "pql_reasons": None,
        **changes,
    }
    return tuple(row.values())


# --- Salesforce


def test_a_lead_per_signup_created_once(world):
    world.model("salesforce__signup_leads", *(signup(n) for n in range(3)))
    result = world.run("salesforce__signup_leads")
    assert (result.status, result.created, result.calls) == (RunStatus.CLEAN, 3, 2), result.error
    leads = world.stored("salesforce", "Lead")
    assert {lead["PLG_User_Id__c"] for lead in leads} == {"0", "1", "2"}
    assert {(lead["PLG_ICP_Score__c"], lead["PLG_Org_Id__c"]) for lead in leads} == {(71.5, "7")}

    world.model("salesforce__signup_leads", *(signup(n, icp_tier="B") for n in range(3)))
    again = world.run("salesforce__signup_leads")
    assert (again.planned, again.calls) == (0, 0)


def test_many_leads_go_by_one_bulk_job_with_each_rows_answer(world, monkeypatch):
    monkeypatch.setenv("SALESFORCE_BULK_FROM_ROWS", "250")
    bad = signup(999, email="not an address")
    world.model("salesforce__signup_leads", *(signup(n) for n in range(300)), bad)
    result = world.run("salesforce__signup_leads")
    assert (result.status, result.created, result.rejected) == (RunStatus.PARTIAL, 300, 1)
    assert result.calls >= result.least_calls
    assert result.refusals[0].code == "INVALID_EMAIL_ADDRESS"
    assert result.refusals[0].example_key == "999"
    assert len(world.stored("salesforce", "Lead")) == 300
    sent = rows("salesforce__signup_leads", world.settings, "7")[0]
    lead = next(r for r in world.stored("salesforce", "Lead") if r["PLG_User_Id__c"] == "7")
    assert sent["destination_id"] == lead["Id"]


@pytest.mark.parametrize("bulk_from", ["2", "5000"])
def test_a_lost_answer_makes_no_second_lead(world, monkeypatch, bulk_from):
    monkeypatch.setenv("SALESFORCE_BULK_FROM_ROWS", bulk_from)
    route = "/jobs/ingest" if bulk_from == "2" else "/composite/sobjects"
    world.served.fault("salesforce", route, "lost_response", times=2)
    world.model("salesforce__signup_leads", *(signup(n) for n in range(205)))
    results = [world.run("salesforce__signup_leads") for _ in range(2)]
    assert results[-1].status is RunStatus.CLEAN
    leads = world.stored("salesforce", "Lead")
    assert len(leads) == len({lead["PLG_User_Id__c"] for lead in leads}) == 205


@pytest.mark.parametrize("bulk_from", ["2", "5000"])
def test_leads_are_neither_made_again_nor_written_over_when_the_state_is_lost(
    world, monkeypatch, bulk_from
):
    monkeypatch.setenv("SALESFORCE_BULK_FROM_ROWS", bulk_from)
    world.model("salesforce__signup_leads", *(signup(n) for n in range(205)))
    world.run("salesforce__signup_leads")
    store = world.served.stores["salesforce"]
    lead = next(r for r in store.rows("Lead") if r["PLG_User_Id__c"] == "7")
    store.seed("Lead", [{**lead, "Title": "Buyer", "LastName": "Byron", "LeadSource": "Fair"}])
    (world.settings.sync_state / "salesforce__signup_leads.duckdb").unlink()
    world.model("salesforce__signup_leads", *(signup(n) for n in range(206)))
    again = world.run("salesforce__signup_leads")
    assert (again.status, again.created) == (RunStatus.CLEAN, 206)
    leads = {row["PLG_User_Id__c"]: row for row in world.stored("salesforce", "Lead")}
    assert len(leads) == len(world.stored("salesforce", "Lead")) == 206
    kept = leads["7"]
    assert (kept["Title"], kept["LastName"], kept["LeadSource"]) == ("Buyer", "Byron", "Fair")
    sent = rows("salesforce__signup_leads", world.settings, "7")[0]
    assert (sent["destination_id"], sent["code"]) == (lead["Id"], "ALREADY_THERE")
    world.model("salesforce__signup_leads", *(signup(n, icp_tier="C") for n in range(206)))
    assert world.run("salesforce__signup_leads").planned == 0


def test_records_are_only_created_by_a_key_that_salesforce_keeps_unique(world):
    leads = definition("salesforce__signup_leads")
    key = leads.key.model_copy(update={"field": "Street"})
    world.model("salesforce__signup_leads", signup(1))
    loose = leads.model_copy(update={"key": key})
    result = world.run("salesforce__signup_leads", definition=loose)
    assert result.status is RunStatus.FAILED
    assert "Lead.Street is not unique" in str(result.error)
    assert not world.stored("salesforce", "Lead")


def test_account_scores_send_only_what_differs_and_clear_with_null(world):
    ids = ["0015f00000ABCDEAA0", "0015f00000ABCDFAA0", "0015f00000ABCDGAA0"]
    from sandbox.vendors.salesforce.ids import normalize

    ids = [normalize(each[:15]) for each in ids]
    world.served.stores["salesforce"].seed(
        "Account",
        [{"Id": each, "Name": f"Account {n}", "PLG_ICP_Tier__c": "A", "PLG_PQL__c": True,
          "PLG_PQL_Reasons__c": "old"} for n, each in enumerate(ids)],
    )  # fmt: skip
    landed = ("A", None, None, True, "old")
    world.model(
        "salesforce__account_scores",
        (ids[0], "A", None, None, True, "old", *landed),
        (ids[1], "B", 55.0, "Fits", True, "old", *landed),
        (ids[2], "A", None, None, False, None, *landed),
    )
    result = world.run("salesforce__account_scores")
    assert (result.status, result.adopted, result.updated) == (RunStatus.CLEAN, 1, 2)
    accounts = {row["Id"]: row for row in world.stored("salesforce", "Account")}
    assert accounts[ids[1]]["PLG_ICP_Tier__c"] == "B"
    assert accounts[ids[2]]["PLG_PQL_Reasons__c"] is None
    sent = json.loads(rows("salesforce__account_scores", world.settings, ids[1])[0]["fields"])
    assert set(sent) == {"PLG_ICP_Tier__c", "PLG_ICP_Score__c", "PLG_ICP_Reasons__c"}


def test_an_account_deleted_between_read_and_write_is_rejected_by_name(world):
    gone = "0015f00000ABCDEAA0"
    from sandbox.vendors.salesforce.ids import normalize

    gone = normalize(gone[:15])
    world.model("salesforce__account_scores", (gone, "A", 1.0, "x", False, None, *[None] * 5))
    result = world.run("salesforce__account_scores")
    assert (result.status, result.rejected) == (RunStatus.PARTIAL, 1)
    assert result.refusals[0].example_key == gone


# --- HubSpot


def test_the_campaign_fills_names_only_where_there_are_none_and_is_cleared_on_leaving(world):
    hubspot = world.served.stores["hubspot"]
    hubspot.seed(
        "contacts",
        [{"id": "51", "properties": {"email": "eve@example.com", "firstname": "Evelyn"},
          "createdAt": "2025-01-01T00:00:00Z", "updatedAt": "2025-01-01T00:00:00Z",
          "archived": False}],
    )  # fmt: skip
    eve = ("eve@example.com", "Eve", "Moore", "overage", "w1", "HQ", "order_lines", 1.25)
    bob = ("bob@example.com", "Bob", None, "overage", "w2", "Lab", "order_lines", 1.5)
    world.model("hubspot__overage_campaign", eve, bob)
    result = world.run("hubspot__overage_campaign")
    assert (result.status, result.created) == (RunStatus.CLEAN, 2)
    held = {row["properties"]["email"]: row["properties"] for row in hubspot.rows("contacts")}
    assert held["eve@example.com"]["firstname"] == "Evelyn"
    assert held["eve@example.com"]["lastname"] == "Moore"
    assert held["bob@example.com"]["firstname"] == "Bob"
    assert held["bob@example.com"]["plg_campaign"] == "overage"

    world.model("hubspot__overage_campaign", bob)
    left = world.run("hubspot__overage_campaign")
    assert (left.status, left.removed) == (RunStatus.CLEAN, 1)
    held = {row["properties"]["email"]: row["properties"] for row in hubspot.rows("contacts")}
    assert not held["eve@example.com"]["plg_campaign"]
    assert held["eve@example.com"]["plg_workspace_id"] == "w1"
    assert world.run("hubspot__overage_campaign").calls == 0


def test_one_bad_address_does_not_hold_the_other_contacts_back(world):
    rest = ("x", "y", "overage", "w1", "HQ", "order_lines", 1.25)
    people = [(f"p{n}@example.com", *rest) for n in range(150)]
    world.model("hubspot__overage_campaign", ("no address", *rest), *people)
    result = world.run("hubspot__overage_campaign")
    assert (result.created, result.rejected) == (150, 1)
    assert result.refusals[0].example_key == "no address"
    assert result.least_calls == 4


# --- LaunchDarkly


def test_the_paywall_segment_is_made_and_mirrors_the_audience(world):
    world.model("launchdarkly__paywall", *((str(n),) for n in range(1600)))
    first = world.run("launchdarkly__paywall")
    assert (first.status, first.created, first.least_calls) == (RunStatus.CLEAN, 1600, 2)
    world.model("launchdarkly__paywall", *((str(n),) for n in range(1, 1601)))
    second = world.run("launchdarkly__paywall")
    assert (second.created, second.removed, second.calls) == (1, 1, 2)
    segment = world.stored("launchdarkly", "segments")[0]
    held = {each["contextKind"]: each["values"] for each in segment["includedContexts"]}
    assert set(held["workspace"]) == {str(n) for n in range(1, 1601)}


# --- Outreach


def prospect(number: int, **changes: Any) -> tuple[Any, ...]:
    row = {
        "person_key": f"person-{number}",
        "email": f"p{number}@example.com",
        "first_name": "Pat",
        "last_name": "Lee",
        "title": "Office manager",
        "company": "Acme",
        **changes,
    }
    return tuple(row.values())


def task(number: int) -> tuple[Any, ...]:
    return (f"t{number}", f"person-{number}", "w", datetime(2025, 9, 1), f"Note {number}")


def test_prospects_and_their_tasks_are_made_exactly_once_through_lost_answers(world):
    world.model("outreach__prospects", *(prospect(n) for n in range(12)))
    world.model("outreach__sdr_tasks", *(task(n) for n in range(12)), task(99))
    world.served.fault("outreach", "/api/v2/prospects$", "lost_response", times=3)
    people = [world.run("outreach__prospects") for _ in range(4)]
    assert people[-1].status is RunStatus.CLEAN
    held = world.stored("outreach", "prospects")
    assert sorted(row["attributes"]["externalId"] for row in held) == sorted(
        f"person-{n}" for n in range(12)
    )
    world.served.fault("outreach", "/api/v2/tasks$", "lost_response", times=4)
    tasks = [world.run("outreach__sdr_tasks") for _ in range(4)]
    assert (tasks[-1].status, tasks[-1].rejected) == (RunStatus.PARTIAL, 1)
    assert all(each.calls >= each.least_calls for each in [*people, *tasks])
    assert tasks[-1].refusals[0].code == "NO_PROSPECT"
    notes = [row["attributes"]["note"] for row in world.stored("outreach", "tasks")]
    assert len(notes) == len(set(notes)) == 12


def test_tasks_are_not_made_again_when_the_state_is_lost(world):
    world.model("outreach__prospects", prospect(1))
    world.model("outreach__sdr_tasks", task(1))
    world.run("outreach__prospects")
    world.run("outreach__sdr_tasks")
    (world.settings.sync_state / "outreach__sdr_tasks.duckdb").unlink()
    again = world.run("outreach__sdr_tasks")
    assert (again.status, again.least_calls) == (RunStatus.CLEAN, 0)
    assert len(world.stored("outreach", "tasks")) == 1


def test_a_prospect_known_by_its_address_is_taken_over_and_a_change_is_one_call(world):
    store = world.served.stores["outreach"]
    world.model("outreach__prospects", prospect(1))
    world.run("outreach__prospects")
    row = world.stored("outreach", "prospects")[0]
    row["attributes"]["externalId"] = None
    store.seed("prospects", [row])
    (world.settings.sync_state / "outreach__prospects.duckdb").unlink()
    world.model("outreach__prospects", prospect(1, title="Chief"))
    assert world.run("outreach__prospects").status is RunStatus.CLEAN
    held = world.stored("outreach", "prospects")
    assert len(held) == 1
    assert held[0]["attributes"]["externalId"] == "person-1"
    assert held[0]["attributes"]["title"] == "Chief"
    world.model("outreach__prospects", prospect(1, title="Boss"))
    changed = world.run("outreach__prospects")
    assert (changed.updated, changed.calls, changed.least_calls) == (1, 2, 1)


def test_two_syncs_share_one_access_token_and_the_rotated_refresh_token(world):
    world.model("outreach__prospects", prospect(1))
    world.model("outreach__sdr_tasks", task(1))
    for name in ("outreach__prospects", "outreach__sdr_tasks"):
        assert world.run(name).status is RunStatus.CLEAN  # a second token within 60 s is a 429
    kept = world.settings.home / "credentials" / "outreach.json"
    assert kept.stat().st_mode & 0o077 == 0
    first = json.loads(kept.read_text())
    assert first["refresh_token"] != world.served.credentials["outreach"]["refresh_token"]


# --- Mixpanel


def event(number: int, **changes: Any) -> tuple[Any, ...]:
    row = {
        "insert_id": f"{number:032d}",
        "event": "Group Order Created",
        "event_at": datetime(2025, 8, 27, 12, 0, number % 60),
        "distinct_id": "0015f00000ABCDEAA0",
        "user_id": str(number),
        "workspace_id": "9",
        "platform": None,
        **changes,
    }
    return tuple(row.values())


def imported(world: World) -> list[dict[str, Any]]:
    folder = world.served.home / "mixpanel" / "events" / str(ACCOUNTS_PROJECT_ID)
    return [
        json.loads(line)
        for file in sorted(folder.glob("*.ndjson.gz"))
        for line in gzip.open(file, "rt", encoding="utf-8")
    ]


def test_events_go_to_the_account_with_the_user_as_a_property(world):
    world.model("mixpanel__account_events", *(event(n) for n in range(2500)))
    result = world.run("mixpanel__account_events")
    assert (result.status, result.created, result.least_calls) == (RunStatus.CLEAN, 2500, 2)
    events = imported(world)
    assert len(events) == 2500
    first = next(e for e in events if e["properties"]["user_id"] == "7")
    assert first["properties"]["distinct_id"] == "0015f00000ABCDEAA0"
    assert first["properties"]["time"] == int(
        datetime(2025, 8, 27, 12, 0, 7, tzinfo=UTC).timestamp()
    )
    assert "platform" not in first["properties"]
    assert world.run("mixpanel__account_events").calls == 0


def test_a_refused_event_is_named_and_the_others_are_stored(world):
    world.model("mixpanel__account_events", event(1), event(2, distinct_id="undefined"))
    result = world.run("mixpanel__account_events")
    assert (result.created, result.rejected) == (1, 1)
    assert result.refusals[0].example_key == f"{2:032d}"
    assert len(imported(world)) == 1


# --- Product


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    from sandbox import credentials
    from sandbox.postgres import Postgres

    home = tmp_path_factory.mktemp("postgres")
    credentials.write(home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Postgres(home, port).running() as running:
        running.create_product()
        yield running


def banner(number: int, **changes: Any) -> tuple[Any, ...]:
    row = {
        "workspace_id": str(number),
        "banner_code": "overage",
        "headline": 'You are "over", by 20%\n',
        "meter": "order_lines",
        "used": 72,
        "included": 60,
        "period_end": datetime(2025, 9, 1),
        **changes,
    }
    return tuple(row.values())


def test_banners_are_a_mirror_of_the_audience_but_touch_nobody_elses(world, database, monkeypatch):
    monkeypatch.setenv("PRODUCT_DATABASE_URL", database.url("headwater_reader"))
    monkeypatch.setenv("PRODUCT_WRITER_DATABASE_URL", database.url("headwater_writer"))
    with psycopg.connect(database.url("postgres")) as admin:
        admin.execute(
            "insert into growth.in_app_banners (workspace_id, banner_code, headline, meter) "
            "values (999, 'theirs', 'by hand', 'x')"
        )
    world.model("product__in_app_banners", *(banner(n) for n in range(5)))
    first = world.run("product__in_app_banners")
    assert (first.status, first.created, first.least_calls) == (RunStatus.CLEAN, 5, 1)
    world.model("product__in_app_banners", banner(0), banner(1, used=None), banner(2, used=90))
    second = world.run("product__in_app_banners")
    assert (second.updated, second.removed) == (2, 2)
    with psycopg.connect(database.url("postgres")) as admin:
        held = admin.execute(
            "select workspace_id, used, headline from growth.in_app_banners order by 1"
        ).fetchall()
    assert [(row[0], row[1]) for row in held] == [(0, 72), (1, None), (2, 90), (999, None)]
    assert held[0][2] == 'You are "over", by 20%\n'
    assert world.run("product__in_app_banners").calls == 0

    world.model("product__in_app_banners", banner(0), banner(1), banner(7, meter=None))
    bad = world.run("product__in_app_banners")
    assert (bad.status, bad.rejected, bad.updated, bad.removed) == (RunStatus.PARTIAL, 1, 1, 1)
    assert "null value" in bad.refusals[0].example_message


def test_a_banner_that_somebody_deleted_is_made_again_whole(world, database, monkeypatch):
    monkeypatch.setenv("PRODUCT_DATABASE_URL", database.url("headwater_reader"))
    monkeypatch.setenv("PRODUCT_WRITER_DATABASE_URL", database.url("headwater_writer"))
    world.model("product__in_app_banners", *(banner(n) for n in range(20, 24)))
    world.run("product__in_app_banners")
    with psycopg.connect(database.url("postgres")) as admin:
        admin.execute("delete from growth.in_app_banners where workspace_id in (21, 22)")
    new = [banner(20, used=99), banner(21, used=98), banner(22, headline="new"), banner(23)]
    world.model("product__in_app_banners", *new)
    result = world.run("product__in_app_banners")
    assert (result.status, result.updated) == (RunStatus.CLEAN, 3)
    with psycopg.connect(database.url("postgres")) as admin:
        held = admin.execute(
            "select workspace_id, used, headline, banner_code, included "
            "from growth.in_app_banners where workspace_id between 20 and 23 order by 1"
        ).fetchall()
    old = banner(0)[2]
    assert held == [
        (20, 99, old, "overage", 60), (21, 98, old, "overage", 60),
        (22, 72, "new", "overage", 60), (23, 72, old, "overage", 60),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "postgres:/writer:{}@127.0.0.1:1/none",
        "postgresql://writer:{}@127.0.0.1:1/none",
        "postgresql://writer:{}@nowhere.invalid/none",
        "host=127.0.0.1 port=1 pasword={}",
        "postgresql://writer:{}@[::1/none",
    ],
)
@pytest.mark.parametrize("password", ["tiger-lion", "tiger@lion", "tiger/lion", "tiger%zzlion"])
def test_no_part_of_a_database_password_is_shown(world, monkeypatch, url, password):
    monkeypatch.setenv("PRODUCT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("PRODUCT_WRITER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    world.model("product__in_app_banners", banner(1))
    there = product.connect(definition("product__in_app_banners"), world.settings)
    there._url = SecretStr(url.format(password))  # whatever the settings would have let through
    result = world.run("product__in_app_banners", destination=there)
    assert result.status is RunStatus.FAILED
    told = "".join(traceback.format_exception(result.error))
    assert "could not connect" in told
    assert "tiger" not in told and "lion" not in told


# --- answers that cannot be read


def test_a_maintenance_page_with_status_200_ends_the_run_and_the_next_one_delivers(world):
    page = {"status": 200, "body": "<html>Down for maintenance</html>"}
    world.served.fault("hubspot", "/batch/upsert", "status", times=None, **page)
    rest = ("Eve", "Moore", "overage", "w1", "HQ", "order_lines", 1.25)
    world.model("hubspot__overage_campaign", ("eve@example.com", *rest))
    failed = world.run("hubspot__overage_campaign")
    assert (failed.status, failed.owed) == (RunStatus.FAILED, 1)
    assert "cannot be read" in str(failed.error)
    world.served.faults.clear()
    assert world.run("hubspot__overage_campaign").status is RunStatus.CLEAN
    assert len(world.stored("hubspot", "contacts")) == 1


# --- wrong credentials


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("salesforce__signup_leads", "SALESFORCE_CLIENT_SECRET"),
        ("hubspot__overage_campaign", "HUBSPOT_ACCESS_TOKEN"),
        ("launchdarkly__paywall", "LAUNCHDARKLY_ACCESS_TOKEN"),
        ("outreach__prospects", "OUTREACH_REFRESH_TOKEN"),
        ("mixpanel__account_events", "MIXPANEL_SERVICE_ACCOUNT_SECRET"),
    ],
)
def test_a_wrong_credential_is_said_and_its_value_is_not(world, monkeypatch, name, setting):
    monkeypatch.setenv(setting, "hunter2-very-secret")
    with pytest.raises(CredentialError) as raised:
        check(name, world.settings)
    assert "hunter2" not in str(raised.value)


def test_the_definitions_fit_their_destinations(world, monkeypatch):
    from syncs.destinations import open_destination
    from syncs.registry import definitions

    monkeypatch.setenv("PRODUCT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("PRODUCT_WRITER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    for item in definitions():
        assert open_destination(item, world.settings).name == item.destination
    assert definition("outreach__sdr_tasks").after == ("outreach__prospects",)
