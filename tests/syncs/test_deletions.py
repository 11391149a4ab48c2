"""Deleting people's records at each vendor, by its real calls against the served sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from headwater.errors import CredentialError, SettingsError
from headwater.vendor_deletions import Answer, Outcome, VendorDeletion
from sandbox.credentials import PRODUCT_PROJECT_ID
from sandbox.vendors.mixpanel.store import project_token
from syncs.deletions import mixpanel, open_deleter
from tests.sandbox.vendors.marketo.conftest import lead as marketo_lead
from tests.sandbox.vendors.salesforce.conftest import (
    CONTACT,
    CONVERTED_LEAD,
    DELETED_LEAD,
    LEAD,
    record_id,
    seed,
)
from tests.syncs.world import World

DELETED, GONE = Answer(Outcome.DELETED), Answer(Outcome.GONE)


def records(vendor: str, id_type: str, *ids: str) -> list[VendorDeletion]:
    return [
        VendorDeletion(vendor=vendor, id_type=id_type, digest=f"of {name}", record_id=name)
        for name in ids
    ]


def delete(world: World, asked: Sequence[VendorDeletion]) -> dict[str | None, Answer]:
    deleter = open_deleter(asked[0].vendor, world.settings)
    return {deletion.record_id: answer for deletion, answer in deleter.delete(asked)}


def contact(number: int) -> dict[str, Any]:
    at = {"createdAt": "2025-01-01T00:00:00Z", "updatedAt": "2025-01-01T00:00:00Z"}
    properties = {"email": f"p{number}@acme.com"}
    return {"id": str(number), "properties": properties, "archived": False, **at}


def test_hubspot_forgets_contacts_for_good_and_says_which_were_gone(world: World) -> None:
    world.served.stores["hubspot"].seed("contacts", [contact(n) for n in (51, 52, 53)])
    asked = records("hubspot", "hubspot_contact_id", "51", "52", "53")
    gone = {"status": 404, "body": {"status": "error", "category": "OBJECT_NOT_FOUND"}}
    world.served.fault("hubspot", "/gdpr-delete", "status", **gone)
    world.served.fault(
        "hubspot", "/gdpr-delete", "status", status=404, body="<html>no route</html>"
    )
    said = delete(world, asked)
    assert said == {"51": GONE, "52": Answer(Outcome.REFUSED, "404"), "53": DELETED}
    assert [row["id"] for row in world.stored("hubspot", "contacts")] == ["51", "52"]
    world.served.fault("hubspot", "/gdpr-delete", "lost_response", status=500)
    assert delete(world, asked) == {"51": DELETED, "52": DELETED, "53": DELETED}
    assert world.stored("hubspot", "contacts") == []
    world.served.fault("hubspot", "/gdpr-delete", "status", status=403, body={})
    with pytest.raises(CredentialError):
        delete(world, asked)


def test_salesforce_deletes_leads_and_contacts_in_one_call_and_tells_gone_from_not_to_be_seen(
    world: World,
) -> None:
    org = world.served.stores["salesforce"]
    seed(org)
    never = record_id("00Q", 404)
    asked = [
        *records("salesforce", "sfdc_lead_id", LEAD, DELETED_LEAD, never),
        *records("salesforce", "sfdc_contact_id", CONTACT),
    ]
    said = delete(world, asked)
    assert said == {LEAD: DELETED, DELETED_LEAD: GONE, never: GONE, CONTACT: DELETED}
    assert {row["Id"]: row["IsDeleted"] for row in org.rows("Lead")}[LEAD]
    assert delete(world, asked[:1]) == {LEAD: GONE}
    # Who may not see a record is told the same as of one that is not there.
    hidden = {"code": "INVALID_CROSS_REFERENCE_KEY", "message": "invalid cross reference id"}
    world.served.fault(
        "salesforce", "/composite/sobjects", "partial_failure", every_nth=1, **hidden
    )
    other = records("salesforce", "sfdc_lead_id", CONVERTED_LEAD)
    assert delete(world, other) == {CONVERTED_LEAD: Answer(Outcome.REFUSED, hidden["code"])}
    locked = {"code": "UNABLE_TO_LOCK_ROW", "message": "p@x.io is locked"}
    world.served.fault(
        "salesforce", "/composite/sobjects", "partial_failure", every_nth=1, **locked
    )
    assert delete(world, other) == {CONVERTED_LEAD: Answer(Outcome.REFUSED, locked["code"])}
    assert delete(world, other) == {CONVERTED_LEAD: DELETED}


def test_marketo_deletes_leads_in_the_order_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = world.served.credentials["marketo"]
    for name in ("munchkin_id", "client_id", "client_secret"):
        monkeypatch.setenv(f"MARKETO_{name.upper()}", known[name])
    monkeypatch.setenv("MARKETO_BASE_URL", f"{world.served.url}/marketo")
    world.served.stores["marketo"].seed("leads", [marketo_lead(n) for n in (1, 2)])
    asked = records("marketo", "marketo_lead_id", "99", "2", "1")
    assert delete(world, asked[:2]) == {"99": GONE, "2": DELETED}
    assert [row["id"] for row in world.stored("marketo", "leads")] == [1]
    no_right = {"success": False, "errors": [{"code": "603", "message": "Access denied"}]}
    world.served.fault("marketo", "/leads/delete", "status", status=200, body=no_right)
    with pytest.raises(CredentialError):
        delete(world, asked)
    skipped = [{"status": "skipped", "reasons": [{"code": "1018", "message": "p1@acme.com"}]}]
    body = {"success": True, "result": skipped}
    world.served.fault("marketo", "/leads/delete", "status", status=200, body=body)
    assert delete(world, asked[2:]) == {"1": Answer(Outcome.REFUSED, "1018")}
    world.served.fault("marketo", "/leads/delete", "lost_response")
    assert delete(world, asked[2:]) == {"1": GONE}


def test_outreach_deletes_prospects_and_believes_only_its_own_404(world: World) -> None:
    rows = [{"id": n, "attributes": {"emails": [f"p{n}@acme.com"]}} for n in (1, 2, 3)]
    world.served.stores["outreach"].seed("prospects", rows)
    asked = records("outreach", "outreach_prospect_id", "9", "1", "2", "3")
    world.served.fault("outreach", "/prospects/2", "status", status=404, body="no such page")
    assert delete(world, asked) == {
        "9": GONE, "1": DELETED, "2": Answer(Outcome.REFUSED, "404"), "3": DELETED,
    }  # fmt: skip
    assert [row["id"] for row in world.stored("outreach", "prospects")] == [2]
    world.served.fault("outreach", "/prospects/2", "missing_scope", scope="prospects.delete")
    with pytest.raises(CredentialError, match=r"prospects\.delete"):
        delete(world, asked[2:3])
    assert delete(world, asked[2:3]) == {"2": DELETED}


def test_mixpanel_makes_one_task_is_asked_until_it_succeeded_and_makes_a_failed_one_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, project = world.served.stores["mixpanel"], PRODUCT_PROJECT_ID
    store.deletions_per_second.limit = 100
    monkeypatch.setattr(mixpanel, "CALLS_PER_SECOND", None)
    asked = [
        *records("mixpanel", "user_id", "7"), *records("mixpanel", "anonymous_id", "device-7"),
    ]  # fmt: skip
    with pytest.raises(SettingsError, match="MIXPANEL_GDPR_TOKEN"):
        open_deleter("mixpanel", world.settings)
    monkeypatch.setenv("MIXPANEL_PROJECT_TOKEN", project_token(project))
    monkeypatch.setenv("MIXPANEL_GDPR_TOKEN", "wrong")
    monkeypatch.setenv("MIXPANEL_APP_BASE_URL", f"{world.served.url}/mixpanel")
    with pytest.raises(CredentialError):
        delete(world, asked)
    monkeypatch.setenv("MIXPANEL_GDPR_TOKEN", world.served.credentials["mixpanel"]["gdpr_token"])

    names = ("7", "$device:device-7", "77", "device-7", "$device:device-77")
    store.seed("events", [
        {"event": "e", "properties": {"distinct_id": name, "time": 1_750_000_000 + n * 40_000}}
        for n, name in enumerate(names * 2)
    ])  # fmt: skip
    store.seed("profiles", [{"$distinct_id": name, "$properties": {}} for name in ("7", "77")])

    def held() -> set[str]:
        return {row["properties"]["distinct_id"] for row in store.events(project)}

    def after(days: float) -> list[VendorDeletion]:
        clock = world.served.clock
        clock.set(clock.now() + timedelta(days=days))
        deleter = open_deleter("mixpanel", world.settings)
        return [one.after(answer, world.clock.now()) for one, answer in deleter.delete(asked)]

    asked = after(0)
    assert [one.outcome for one in asked] == [Outcome.UNDER_WAY] * 2
    [task] = {one.task for one in asked}
    assert [row["tracking_id"] for row in store.deletions.select()] == [task]
    asked = after(2)
    assert {one.task for one in asked} == {task} and held() == {*names}
    store.deletions.put(str(task), {**store.deletions.get(str(task)), "status": "FAILURE"})
    asked = after(0)
    assert [(one.outcome, one.said, one.task) for one in asked] == [
        (Outcome.REFUSED, "FAILURE", None)
    ] * 2
    asked = after(0)
    assert store.deletions.count() == 2 and {one.task for one in asked} != {task}
    asked = after(11)
    assert {(one.outcome, one.record_id) for one in asked} == {(Outcome.DELETED, None)}
    assert held() == {"77", "$device:device-77"}
    assert [row["$distinct_id"] for row in store.rows("profiles")] == ["77"]
