"""Support and billing read day by day: after each day the warehouse holds what the vendors hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.run import run_source
from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect
from sandbox.company.timeline import at
from sandbox.company.world import simulate
from tests.connectors.conftest import Served

FIRST_CYCLE = 240.0
DAYS = (240.0, 241.0, 243.5, 245.0)
"""A day, a pause, and the first of the month, on which every invoice is written."""
Rows = list[tuple[Any, ...]]

LANDED = {
    "customers": "select id, name, email, is_delinquent from raw_billing.customers {living}",
    "subscriptions": (
        "select id, status, latest_invoice_id, items ->> '$[0].price.lookup_key' "
        "from raw_billing.subscriptions {living}"
    ),
    "invoices": (
        "select id, status, total_cents, amount_paid_cents, json_array_length(lines) "
        "from raw_billing.invoices {living}"
    ),
    "refunds": "select id, status, amount_cents from raw_billing.refunds {living}",
    "tickets": "select id, status, subject, cast(tags as varchar) from raw_support.tickets",
    "ticket_events": "select id, ticket_id, updater_id from raw_support.ticket_events",
    "users": "select id, email, is_active from raw_support.users",
    "organizations": "select id, name from raw_support.organizations",
    "chats": "select id, rating, ticket_id from raw_support.chats",
}


def held(served: Served, table: str) -> Rows:
    """What the vendor holds, in the shape of :data:`LANDED`."""
    vendor = "stripe" if "{living}" in LANDED[table] else "zendesk"
    rows = [row for row in served.stores[vendor].rows(table) if not row.get("deleted")]
    match table:
        case "customers":
            found = [(r["id"], r["name"], r["email"], r["delinquent"]) for r in rows]
        case "subscriptions":
            found = [
                (r["id"], r["status"], r["latest_invoice"],
                 r["items"]["data"][0]["price"]["lookup_key"])
                for r in rows
            ]  # fmt: skip
        case "invoices":
            found = [
                (r["id"], r["status"], r["total"], r["amount_paid"], len(r["lines"]["data"]))
                for r in rows
            ]
        case "refunds":
            found = [(r["id"], r["status"], r["amount"]) for r in rows]
        case "tickets":
            found = [
                (
                    r["id"],
                    r["status"],
                    r["subject"],
                    str(r["tags"]).replace("'", '"').replace(" ", ""),
                )
                for r in rows
            ]
        case "ticket_events":
            found = [(r["id"], r["ticket_id"], r["updater_id"]) for r in rows]
        case "users":
            found = [(r["id"], r["email"], r["active"]) for r in rows]
        case "organizations":
            found = [(r["id"], r["name"]) for r in rows]
        case _:
            found = [(r["id"], r["rating"], r["zendesk_ticket_id"]) for r in rows]
    return sorted(found)


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    zendesk, stripe = served.credentials["zendesk"], served.credentials["stripe"]
    monkeypatch.setenv("SUPPORT_SUBDOMAIN", zendesk["subdomain"])
    monkeypatch.setenv("SUPPORT_EMAIL", zendesk["email"])
    monkeypatch.setenv("SUPPORT_API_TOKEN", zendesk["api_token"])
    monkeypatch.setenv("SUPPORT_CHAT_ACCESS_TOKEN", zendesk["chat_access_token"])
    monkeypatch.setenv("SUPPORT_BASE_URL", f"{served.url}/zendesk")
    monkeypatch.setenv("BILLING_API_KEY", stripe["api_key"])
    monkeypatch.setenv("BILLING_BASE_URL", f"{served.url}/stripe")
    return served


def test_after_each_day_the_warehouse_holds_what_the_vendors_hold(
    environment: Served, tmp_path: Path
) -> None:
    world = simulate("xs", 7)
    settings = Settings(home=tmp_path / "var", http_retries=2)
    before = -1e5
    for day in DAYS:
        for (vendor, table), rows in world.records(before, day).items():
            if vendor in {"stripe", "zendesk"}:
                environment.stores[vendor].seed(table, rows)
        before = day
        # A minute later: the exports hold back the last one.
        present = at(day + 2 / 1440)
        environment.clock.set(present)
        for source in ("support", "billing"):
            for result in run_source(source, settings, FixedClock(present), f"day-{day}"):
                assert result.quarantined == 0, result
        with connect(settings, read_only=True) as connection:
            for table, sql in LANDED.items():
                query = sql.format(living="where _deleted_at is null")
                assert sorted(connection.execute(query).fetchall()) == held(environment, table), (
                    day,
                    table,
                )
            assert connection.execute(
                "select count(*) from landing.loads "
                "where received <> landed + duplicates + quarantined"
            ).fetchall() == [(0,)]
    with connect(settings, read_only=True) as connection:
        assert connection.execute(
            "select count(*) > 0 from raw_support.tickets where _deleted_at is not null"
        ).fetchall() == [(True,)]
        assert connection.execute("select source, field from landing.drift").fetchall() == []
