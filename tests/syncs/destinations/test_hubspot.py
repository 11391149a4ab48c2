"""HubSpot: the overage campaign on contacts."""

from __future__ import annotations

import requests

from syncs.quarantine import QUARANTINE_AFTER
from syncs.state import RunStatus
from tests.syncs.bench import a_definition, go


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


def test_the_calls_of_a_day_end_before_the_one_too_many(world):
    """One for the check, one for the look before: nothing is left for the write."""
    world.settings = world.settings.model_copy(update={"daily_deliveries": {"hubspot.calls": 2}})
    rest = ("Eve", "Moore", "overage", "w1", "HQ", "order_lines", 1.25)
    world.model("hubspot__overage_campaign", ("eve@example.com", *rest))
    stopped = world.run("hubspot__overage_campaign")
    assert (stopped.status, stopped.owed, stopped.calls) == (RunStatus.FAILED, 1, 2)
    assert "HEADWATER_DAILY_DELIVERIES" in str(stopped.error)
    assert world.stored("hubspot", "contacts") == []


def test_the_accounts_own_count_of_the_day_ends_the_writing_before_its_share_is_passed(
    world, monkeypatch
):
    """Whoever made the calls: five of ten are used after the check, a look-up and a write, and the
    look-ups of the next two batches."""
    store = world.served.stores["hubspot"]
    store.daily_limit = 10
    rest = ("x", "y", "overage", "w1", "HQ", "order_lines", 1.25)
    world.model("hubspot__overage_campaign", *((f"p{n}@example.com", *rest) for n in range(500)))
    monkeypatch.setenv("HUBSPOT_API_SHARE", "0.5")
    stopped = world.run("hubspot__overage_campaign")
    assert (stopped.status, stopped.created, stopped.owed) == (RunStatus.PARTIAL, 100, 400)
    assert "HUBSPOT_API_SHARE" in str(stopped.error) and stopped.calls == 5
    monkeypatch.setenv("HUBSPOT_API_SHARE", "1")
    assert world.run("hubspot__overage_campaign").created == 100
    store.daily_limit = 100
    assert world.run("hubspot__overage_campaign").status is RunStatus.CLEAN
    assert len(world.stored("hubspot", "contacts")) == 500


def test_a_contact_that_waits_is_let_go_when_the_property_takes_its_value(world, bench):
    """An administrator adds the option that was missing."""
    portal = f"{world.served.url}/hubspot/crm/v3/properties/contacts"
    headers = {"Authorization": f"Bearer {world.served.credentials['hubspot']['access_token']}"}
    made = {"name": "plg_stage", "type": "enumeration", "fieldType": "select", "label": "Stage",
            "groupName": "contactinformation", "options": [{"value": "Trial"}]}  # fmt: skip
    assert requests.post(portal, headers=headers, json=made, timeout=5).status_code == 201
    bench.model({"a@example.com": ("Trial", 1.0), "b@example.com": ("Paid", 1.0)})
    sync = a_definition(
        destination="hubspot", object="contacts", mode="upsert", removal={"action": "ignore"},
        key={"column": "k", "field": "email"}, fields=[{"column": "a", "field": "plg_stage"}],
    )  # fmt: skip
    refused = [go(bench, None, sync) for _ in range(QUARANTINE_AFTER)]
    assert [result.rejected for result in refused] == [1] * QUARANTINE_AFTER
    assert refused[0].refusals[0].example_key == "b@example.com"
    waits = go(bench, None, sync)
    assert (waits.status, waits.quarantined, waits.planned) == (RunStatus.PARTIAL, 1, 0)
    more = {"options": [{"value": "Trial"}, {"value": "Paid"}]}
    requests.patch(f"{portal}/plg_stage", headers=headers, json=more, timeout=5)
    released = go(bench, None, sync)
    assert (released.status, released.created) == (RunStatus.CLEAN, 1)
