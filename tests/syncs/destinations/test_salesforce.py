"""Salesforce: leads made once, by collections and by bulk jobs, and scores of accounts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headwater.recording import recorded
from sandbox.vendors.salesforce import schema
from sandbox.vendors.salesforce.ids import normalize
from syncs.delivery import Delivery
from syncs.destinations import salesforce
from syncs.history import rows
from syncs.registry import definition
from syncs.request import Request
from syncs.run import run
from syncs.state import RunStatus, open_state
from tests.syncs.bench import a_definition


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
    gone = normalize(gone[:15])
    world.model("salesforce__account_scores", (gone, "A", 1.0, "x", False, None, *[None] * 5))
    result = world.run("salesforce__account_scores")
    assert (result.status, result.rejected) == (RunStatus.PARTIAL, 1)
    assert result.refusals[0].example_key == gone


def test_one_row_is_traced_with_its_request_and_answer(world):
    world.model("salesforce__signup_leads", *(signup(n) for n in range(3)))
    with recorded() as exchanges:
        only = Request(keys=frozenset({"2"}))
        result = world.run("salesforce__signup_leads", request=only)
    assert (result.created, result.left_out) == (1, 2)
    last = exchanges[-1]
    assert (last.method, last.status) == ("POST", 200)
    assert json.loads(last.sent)["records"][0]["LastName"] == "Lovelace 2"
    assert json.loads(last.answered)[0]["success"] is True
    secrets = {world.served.credentials["salesforce"]["client_secret"]}
    assert not any(secret in str(each) for each in exchanges for secret in secrets)
    assert [lead["PLG_User_Id__c"] for lead in world.stored("salesforce", "Lead")] == ["2"]


def test_the_orgs_own_count_of_requests_ends_the_writing_before_its_share_is_passed(
    world, monkeypatch
):
    world.served.stores["salesforce"].set_limit("DailyApiRequests", 10)
    world.model("salesforce__signup_leads", *(signup(n) for n in range(800)))
    monkeypatch.setenv("SALESFORCE_API_SHARE", "0.3")
    stopped = world.run("salesforce__signup_leads")
    assert (stopped.status, stopped.created, stopped.owed) == (RunStatus.PARTIAL, 400, 400)
    assert "SALESFORCE_API_SHARE" in str(stopped.error) and stopped.calls == 3
    monkeypatch.setenv("SALESFORCE_API_SHARE", "1")
    assert world.run("salesforce__signup_leads").created == 400
    assert len(world.stored("salesforce", "Lead")) == 800


@pytest.mark.parametrize("group_by", ["account", None])
def test_rows_of_one_account_go_in_one_job_so_that_chunks_do_not_lock_each_other_out(
    bench, world, monkeypatch, group_by
):
    """60 contacts of 12 accounts, whose ids say nothing of their account; chunks of 20 rows."""
    monkeypatch.setattr(salesforce, "CHUNK_ROWS", 20)
    monkeypatch.setattr(salesforce, "COLLECTION_ROWS", 5)
    monkeypatch.setitem(schema.org()["bulk"], "chunk_rows", 20)
    monkeypatch.setenv("SALESFORCE_BULK_FROM_ROWS", "20")
    accounts = [normalize(f"0015f00000ABC{n:02}") for n in range(12)]
    contacts = [normalize(f"0035f00000ABC{n:02}") for n in range(60)]
    store = world.served.stores["salesforce"]
    store.seed("Account", [{"Id": each, "Name": each} for each in accounts])
    pairs = [(each, accounts[n % 12]) for n, each in enumerate(contacts)]
    store.seed("Contact", [{"Id": each, "LastName": "x", "AccountId": of} for each, of in pairs])
    bench.model(
        [(each, "Buyer", of) for each, of in pairs], "k varchar, a varchar, account varchar"
    )
    world.served.fault("salesforce", "/jobs/ingest", "parent_locks", method="PATCH",
                       times=None if group_by else 1)  # fmt: skip
    sync = a_definition(
        destination="salesforce", object="Contact", mode="update", group_by=group_by,
        key={"column": "k", "field": "Id"}, fields=[{"column": "a", "field": "Title"}],
        removal={"action": "ignore"},
    )  # fmt: skip
    result = run("things", bench.settings, bench.clock, "c1", definition=sync)
    assert (result.status, result.updated) == (RunStatus.CLEAN, 60), result.error
    with open_state(bench.settings, "things") as state:
        batches = state.rows("select batch_id, parent, attempts from outbox")
    again = sum(attempts > 1 for _, _, attempts in batches)
    if group_by is None:
        assert again == 40, "one chunk in three gets its accounts first"
        return
    assert again == 0
    assert len({batch for batch, _, _ in batches}) == 3
    assert len({(batch, parent) for batch, parent, _ in batches}) == 12


def test_calls_beside_each_other_are_fewer_where_the_org_has_no_room_for_them(world, monkeypatch):
    """Leads by several Collections at once: one of the second wave finds no room and goes again."""
    seen: list[int] = []
    at_once = Delivery._call_all

    def noted(self, marked):
        seen.append(len(marked))
        if len(seen) == 2:
            world.served.fault("salesforce", "/composite/sobjects", "rate_limit")
        return at_once(self, marked)

    monkeypatch.setattr(Delivery, "_call_all", noted)
    world.model("salesforce__signup_leads", *(signup(n) for n in range(1100)))
    result = world.run("salesforce__signup_leads")
    assert (result.status, result.created) == (RunStatus.CLEAN, 1100), result.error
    assert seen == [1, 2, 1, 2, 1], "one, two, half of that, two, and the batch that found no room"
    assert len({lead["PLG_User_Id__c"] for lead in world.stored("salesforce", "Lead")}) == 1100
    assert len(world.stored("salesforce", "Lead")) == 1100
