"""Marketo and Outreach hold the company's own people, and what is told of them adds up."""

from __future__ import annotations

import pytest

from sandbox.company.timeline import DAYS
from sandbox.company.versions import Row
from sandbox.company.world import World

FIRST = (-1e5, float(DAYS))


@pytest.fixture(scope="module")
def records(world: World) -> dict[tuple[str, str], list[Row]]:
    """Everything up to the first cycle."""
    return world.records(*FIRST)


def test_leads_are_people_of_salesforce(
    world: World, records: dict[tuple[str, str], list[Row]]
) -> None:
    people = {row["Id"]: row for table in ("Lead", "Contact") for row in _crm(records, table)}
    users = {str(user.id) for user in world.life.users}
    leads = records["marketo", "leads"]
    assert {row.get("sfdcLeadId") or row.get("sfdcContactId") for row in leads} <= set(people)
    assert {row["productUserId"] for row in leads} - {None} <= users
    assert any(row["productUserId"] for row in leads)
    for row in leads:
        assert row["updatedAt"] >= row["createdAt"] >= "2025-03-02"
        assert row["id"] in world.marketo.person_human


def test_the_log_tells_every_change_of_a_lead(
    world: World, records: dict[tuple[str, str], list[Row]]
) -> None:
    activities = records["marketo", "activities"]
    assert [row["id"] for row in activities] == sorted({row["id"] for row in activities})
    moments = [row["activityDate"] for row in activities]
    assert moments == sorted(moments)
    told = {(r["leadId"], r["activityDate"]) for r in activities if r["activityTypeId"] in {12, 13}}
    gone = {r["leadId"] for r in activities if r["activityTypeId"] == 37}
    for row in activities:
        if row["activityTypeId"] == 32:
            gone |= {int(each) for each in row["attributes"][0]["value"].strip("[]").split(",")}
    for row in records["marketo", "leads"]:
        if row.get("isDeleted"):
            assert row["id"] in gone
        else:
            assert (row["id"], row["updatedAt"]) in told
    assert gone
    assert {row["id"] for row in world.marketo.leads.versions()} >= gone


def test_members_are_leads_in_programs(records: dict[tuple[str, str], list[Row]]) -> None:
    leads = {row["id"] for row in records["marketo", "leads"]}
    programs = {row["id"] for row in records["marketo", "programs"]}
    members = records["marketo", "program_members"]
    assert {row["leadId"] for row in members} <= leads
    assert {row["programId"] for row in members} == programs
    assert {row["statusName"] for row in members} == {"Invited", "Registered", "Attended"}


def test_relations_of_outreach_hold(records: dict[tuple[str, str], list[Row]]) -> None:
    kinds = {
        "user": "users",
        "mailbox": "mailboxes",
        "sequence": "sequences",
        "prospect": "prospects",
        "sequenceState": "sequenceStates",
    }
    known = {kind: {row["id"] for row in records["outreach", name]} for kind, name in kinds.items()}
    for (vendor, _), rows in records.items():
        if vendor != "outreach":
            continue
        assert rows
        for row in rows:
            for to in row["relationships"].values():
                assert to["id"] in known[to["type"]]


def test_prospects_are_leads_with_one_address_each(
    records: dict[tuple[str, str], list[Row]],
) -> None:
    emails = [row["attributes"]["emails"][0] for row in records["outreach", "prospects"]]
    assert len(emails) == len(set(emails))
    assert set(emails) <= {str(row["Email"]).lower() for row in _crm(records, "Lead")}


def test_something_happens_every_few_days(world: World) -> None:
    for table in (("marketo", "activities"), ("outreach", "prospects")):
        assert world.records(float(DAYS), float(DAYS + 7))[table]


def _crm(records: dict[tuple[str, str], list[Row]], table: str) -> list[Row]:
    return records["salesforce", table]
