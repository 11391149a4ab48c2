"""Opening a destination: its credentials, and what the definitions ask of it."""

from __future__ import annotations

import pytest

from headwater.errors import CredentialError
from syncs.destinations import open_destination
from syncs.registry import definition, definitions
from syncs.run import check


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
