"""The support desk's records hang together, and with the product's people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from connectors.contract import columns
from connectors.support import contracts
from sandbox.company.world import World

Row = dict[str, Any]
END = 254.0


def shown(world: World, table: str, end: float = END) -> list[Row]:
    return world.records(-1e5, end)["zendesk", table]


def test_requesters_are_users_of_the_product(world: World) -> None:
    product = {str(r["id"]): r for r in world.product_rows("users", -1e5, END).to_pylist()}
    known = [row for row in shown(world, "users") if row["external_id"]]
    assert len(known) > 50
    for row in known:
        assert row["email"] == product[row["external_id"]]["email"].lower()


def test_every_reference_points_at_something(world: World) -> None:
    users = {row["id"] for row in shown(world, "users")}
    organizations = {row["id"] for row in shown(world, "organizations")}
    tickets = {row["id"] for row in shown(world, "tickets")}
    for ticket in shown(world, "tickets"):
        assert ticket["requester_id"] in users
        assert ticket["assignee_id"] in users | {None}
        assert ticket["organization_id"] in organizations
    for event in shown(world, "ticket_events"):
        assert event["ticket_id"] in tickets
        assert event["updater_id"] in users | {-1}
    chats = shown(world, "chats")
    assert chats
    assert {chat["zendesk_ticket_id"] for chat in chats} <= tickets | {None}


def test_a_ticket_is_what_its_events_made_of_it(world: World) -> None:
    statuses: dict[int, str] = {}
    for event in sorted(shown(world, "ticket_events"), key=lambda e: (e["timestamp"], e["id"])):
        for child in event["child_events"]:
            if "status" in child:
                statuses[event["ticket_id"]] = child["status"]
    tickets = shown(world, "tickets")
    assert {ticket["id"]: ticket["status"] for ticket in tickets} == statuses
    seen = {ticket["status"] for ticket in tickets}
    assert {"closed", "solved", "deleted"} <= seen
    assert any("closed_by_merge" in ticket["tags"] for ticket in tickets)


def test_what_is_deleted_shows_as_the_vendor_shows_it(world: World) -> None:
    assert any(row["active"] is False for row in shown(world, "users"))
    for ticket in shown(world, "tickets"):
        if ticket["subject"] == "SCRUBBED":
            assert ticket["status"] == "deleted"


def test_zendesk_itself_moves_the_generated_timestamp_only(world: World) -> None:
    closed = [
        ticket
        for ticket in shown(world, "tickets")
        if ticket["status"] == "closed" and "closed_by_merge" not in ticket["tags"]
    ]
    assert closed
    for ticket in closed:
        updated = datetime.fromisoformat(ticket["updated_at"]).timestamp()
        assert ticket["generated_timestamp"] - updated > 86_400


def test_something_happens_every_day(world: World) -> None:
    for day in range(240, 254):
        changed = world.records(float(day), float(day + 1))
        assert changed["zendesk", "ticket_events"], day


@pytest.mark.parametrize(
    ("table", "contract"),
    [
        ("tickets", contracts.Ticket),
        ("ticket_events", contracts.TicketEvent),
        ("users", contracts.User),
        ("organizations", contracts.Organization),
        ("chats", contracts.Chat),
    ],
)
def test_rows_have_the_fields_that_the_contract_requires(
    world: World, table: str, contract: Any
) -> None:
    required = {column.path[0] for column in columns(contract) if column.required}
    for row in shown(world, table):
        assert required <= row.keys()
