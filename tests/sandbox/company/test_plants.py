"""What docs/demo-company.md says is planted is there, even in the smallest world."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import Any

import pytest

from sandbox.company import slices, truth
from sandbox.company.companies import ROLES
from sandbox.company.product_life import BROKEN_DEVICE_IDS
from sandbox.company.timeline import at
from sandbox.company.world import World


@pytest.fixture(scope="module")
def lines(world: World) -> list[bytes]:
    return [
        line
        for _, member in world.events.files(slices.BEFORE, 240.0)
        for line in gzip.decompress(member).splitlines()
    ]


@pytest.fixture(scope="module")
def events(lines: list[bytes]) -> list[dict[str, Any]]:
    found = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        found.append(event)
    return found


def _quality(world: World) -> dict[str, int]:
    rows = truth.tables(world, 240.0)["truth_quality"].to_pylist()
    return {row["kind"]: row["count"] for row in rows}


def test_every_role_is_played_by_a_workspace(world: World) -> None:
    played = Counter(w.role for w in world.life.workspaces if w.role)
    assert played.keys() == set(ROLES)
    assert all(w.motion == "self_serve" for w in world.life.workspaces if w.role)


def test_roles_are_over_their_plan_and_nobody_else_is(world: World) -> None:
    over = {
        row["workspace_id"]: row["role"]
        for row in truth.tables(world, 240.0)["truth_overage"].to_pylist()
        if row["period_start"].isoformat() == "2025-08-01"
        and row["included"] is not None
        and row["used"] > row["included"]
    }
    expected = {str(w.id) for w in world.life.workspaces if w.role and w.role != "crosses_tomorrow"}
    assert expected <= over.keys()
    self_serve = {str(w.id) for w in world.life.workspaces if w.motion == "self_serve"}
    assert (over.keys() & self_serve) == expected


def test_who_crosses_tomorrow_crosses_tomorrow(world: World) -> None:
    def crossing(until: float) -> set[bool]:
        return {
            row["used"] > row["included"]
            for row in truth.tables(world, until)["truth_overage"].to_pylist()
            if row["role"] == "crosses_tomorrow"
            and row["meter"] == "order_lines"
            and row["period_start"].isoformat() == "2025-08-01"
        }

    assert crossing(240.0) == {False}
    assert crossing(241.0) == {True}


def test_malformed_lines_and_lines_without_an_actor_are_counted(
    world: World, lines: list[bytes], events: list[dict[str, Any]]
) -> None:
    quality = _quality(world)
    assert quality["exported_line"] == len(lines)
    assert quality["malformed_line"] == len(lines) - len(events) > 0
    nobody = [event for event in events if "distinct_id" not in event["properties"]]
    assert quality["event_without_distinct_id"] == len(nobody) > 0


def test_duplicates_bots_and_staging_are_counted(
    world: World, events: list[dict[str, Any]]
) -> None:
    quality = _quality(world)
    keys = Counter(
        (e["event"], e["properties"].get("distinct_id"), e["properties"]["time"],
         e["properties"]["$insert_id"])
        for e in events
    )  # fmt: skip
    assert quality["duplicate_event"] == sum(n - 1 for n in keys.values()) > 0
    staging = [e for e in events if e["properties"]["environment"] == "staging"]
    assert quality["staging_event"] == len(staging) > 0
    bots = [e for e in events if "ot/" in e["properties"]["user_agent"]
            or "Headless" in e["properties"]["user_agent"]]  # fmt: skip
    assert quality["bot_event"] == len(bots) > 0


def test_devices_are_several_shared_and_broken(world: World, events: list[dict[str, Any]]) -> None:
    users: dict[str, set[str]] = {}
    devices: dict[str, set[str]] = {}
    for event in events:
        properties = event["properties"]
        if "$user_id" in properties:
            users.setdefault(properties["$device_id"], set()).add(properties["$user_id"])
            devices.setdefault(properties["$user_id"], set()).add(properties["$device_id"])
    assert any(len(found) > 1 for found in devices.values())
    shared = {device for device, found in users.items() if len(found) > 1}
    assert shared & {kiosk.id for kiosk in world.life.kiosks}
    assert users.keys() & set(BROKEN_DEVICE_IDS)


def test_an_event_is_anonymous_before_sign_in_and_carries_both_ids_after(
    events: list[dict[str, Any]],
) -> None:
    for event in events:
        properties = event["properties"]
        if "distinct_id" not in properties:
            continue
        if "$user_id" in properties:
            assert properties["distinct_id"] == properties["$user_id"]
        else:
            assert properties["distinct_id"] == f"$device:{properties['$device_id']}"
    assert any(e["event"] == "Signed Up" for e in events)
    assert any("email" in e["properties"] for e in events)


def test_crm_has_deleted_merged_converted_and_duplicate_records(world: World) -> None:
    records = world.records(-1e5, 240.0)
    leads = records["salesforce", "Lead"]
    assert any(lead["IsConverted"] for lead in leads)
    assert any(lead["IsDeleted"] and not lead["MasterRecordId"] for lead in leads)
    accounts = records["salesforce", "Account"]
    assert any(account["MasterRecordId"] for account in accounts)
    assert any(account["ParentId"] for account in accounts)
    assert {account["Type"] for account in accounts} >= {"Prospect", "Customer", "Restaurant"}
    owners = Counter(c.id for c in world.crm.account_company.values())
    assert max(owners.values()) > 1, "a company has two accounts"
    assert any(row["archived"] for row in records["hubspot", "contacts"])


def test_the_sheet_has_dirt_of_twelve_kinds(world: World) -> None:
    kinds = {line.kind for line in world.sheet} - {"planted", "late"}
    assert len(kinds) >= 12
    grid = world.sheet_grid(240.0)
    assert grid[0] == ["Key", "Reason", "Owner", "Expires on"]
    assert len({len(cells) for cells in grid}) > 2, "ragged"
    assert all(isinstance(cell, str) for cells in grid for cell in cells)


def test_one_subscription_is_on_a_plan_that_does_not_exist(world: World) -> None:
    known = set(world.product["plans"]["code"].to_pylist())
    codes = world.product_rows("subscriptions", -1e5, 240.0)["plan_code"].to_pylist()
    assert len([code for code in codes if code not in known]) == 1


def test_moments_raise_conversion(world: World) -> None:
    rows = truth.tables(world, 254.0)["truth_conversion"].to_pylist()
    plain = [r for r in rows if r["multiplier"] == 1.0 and r["motion"] == "self_serve"]
    raised = [r for r in rows if r["multiplier"] > 2.9 and r["motion"] == "self_serve"]
    assert sum(r["chance"] for r in raised) / len(raised) > 2 * sum(
        r["chance"] for r in plain
    ) / len(plain)


def test_surges_and_decoy_waves_are_planted(world: World) -> None:
    kinds = {row["kind"] for row in truth.tables(world, 240.0)["truth_surge"].to_pylist()}
    assert kinds == {"surge", "invite_wave"}
    surging = next(c for c in world.companies if c.surge is not None)
    opened = [w for w in world.life.workspaces if w.company is surging]
    assert len({w.organization.id for w in opened}) >= 5


def test_records_are_merged_converted_and_deleted_without_a_trace(world: World) -> None:
    records = world.records(-1e5, 254.0)
    assert any(contact["MasterRecordId"] for contact in records["salesforce", "Contact"])
    assert any(lead["ConvertedOpportunityId"] for lead in records["salesforce", "Lead"])
    merged = [
        row["properties"]["hs_merged_object_ids"]
        for row in records["hubspot", "contacts"]
        if row["properties"].get("hs_merged_object_ids")
    ]
    assert set(merged) <= {row["id"] for row in records["hubspot", "contacts"]}
    assert merged
    for name in ("refunds", "workspace_integrations"):
        rows = world.product[name]
        assert 0 < rows["deleted_at"].null_count < rows.num_rows, name


def test_every_opportunity_has_the_history_of_its_stages(world: World) -> None:
    records = world.records(-1e5, 254.0)
    last: dict[str, str] = {}
    for row in sorted(
        records["salesforce", "OpportunityHistory"], key=lambda r: (r["CreatedDate"], r["Id"])
    ):
        last[row["OpportunityId"]] = row["StageName"]
    assert last == {row["Id"]: row["StageName"] for row in records["salesforce", "Opportunity"]}


def test_email_events_follow_what_was_sent_and_some_are_listed_late(world: World) -> None:
    listed = {day: world.mail.events.between(day, day + 1.0) for day in range(12, 254)}
    events = [event for rows in listed.values() for event in rows]
    sent = {(e["id"], e["created"]) for e in events if e["type"] == "SENT"}
    followed = [e for e in events if e["type"] != "SENT"]
    assert {(e["sentBy"]["id"], e["sentBy"]["created"]) for e in followed} <= sent
    assert {e["type"] for e in followed} >= {"DELIVERED", "OPEN", "CLICK", "BOUNCE"}
    late = [
        event
        for day, rows in listed.items()
        for event in rows
        if event["created"] < at(float(day)).timestamp() * 1000
    ]
    assert late
