"""Opening a destination: its credentials, and what the definitions ask of it."""

from __future__ import annotations

import pytest

from headwater.errors import CredentialError
from syncs.destination import Change, Operation, ReadsCurrent
from syncs.destinations import open_destination
from syncs.registry import definition, definitions
from syncs.run import check
from tests.syncs.destinations.test_salesforce import signup
from tests.syncs.world import prospect


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
    monkeypatch.setenv("PRODUCT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("PRODUCT_WRITER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    for item in definitions():
        assert open_destination(item, world.settings).name == item.destination
    assert definition("outreach__sdr_tasks").after == ("outreach__prospects",)


def test_what_was_written_can_be_read_back_in_two_calls(world):
    """By id, by a property, by an external id: for edits, filling and undo."""
    world.model("salesforce__signup_leads", signup(1), signup(2))
    world.model("outreach__prospects", prospect(1), prospect(2))
    person = ("eve@example.com", "Eve", "Moore", "overage", "w1", "HQ", "order_lines", 1.25)
    world.model("hubspot__overage_campaign", person)
    for name, keys, field, value in (
        ("salesforce__signup_leads", ["1", "2", "none"], "Company", "Acme"),
        ("outreach__prospects", ["person-1", "person-2", "none"], "email", None),
        ("hubspot__overage_campaign", ["eve@example.com", "none@example.com"], "plg_meter",
         "order_lines"),
    ):  # fmt: skip
        world.run(name)
        destination = open_destination(definition(name), world.settings)
        assert isinstance(destination, ReadsCurrent)
        asked = [Change(n, key, Operation.UPDATE, {}, "") for n, key in enumerate(keys)]
        held = destination.current(asked, [field])
        assert sorted(held) == sorted(keys[:-1])
        assert destination.calls <= 2
        assert value is None or held[keys[0]].fields == {field: value}
    lead = world.stored("salesforce", "Lead")[0]
    destination = open_destination(definition("salesforce__lead_scores"), world.settings)
    asked = [Change(n, key, Operation.UPDATE, {}, "") for n, key in enumerate([lead["Id"]])]
    held = destination.current(asked, ["PLG_ICP_Score__c"])
    assert held[lead["Id"]].fields == {"PLG_ICP_Score__c": 71.5}


def test_salesforce_finds_a_record_by_each_form_of_its_key(world):
    """An id of 15 characters, an external id in other case: what is held must not look empty."""
    world.model("salesforce__signup_leads", signup(1, user_id="Ada-1"), signup(2))
    world.run("salesforce__signup_leads")
    [lead] = [row for row in world.stored("salesforce", "Lead") if row["PLG_User_Id__c"] == "Ada-1"]
    unknown = "00Q5f00000ZZZZZ"
    no_id = "00Q-none"
    for name, keys in (
        ("salesforce__lead_scores", [unknown, lead["Id"][:15], no_id]),
        ("salesforce__signup_leads", ["none", "ADA-1"]),
    ):
        destination = open_destination(definition(name), world.settings)
        asked = [Change(n, key, Operation.UPDATE, {}, "") for n, key in enumerate(keys)]
        held = destination.current(asked, ["Company"])
        assert list(held) == [keys[1]]
        assert held[keys[1]].destination_id == lead["Id"]
