"""The books of billing agree with the product's subscriptions and usage."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Any

import pytest

from connectors.billing import contracts
from connectors.contract import columns
from sandbox.company.plans import METER_KIND, PLANS
from sandbox.company.world import World

FIRST_CYCLE = 240.0
OVERAGE_CENTS = {"order_lines": 8.0, "member_profiles": 150.0, "api_calls": 0.2}
Row = dict[str, Any]


def shown(world: World, table: str, end: float = FIRST_CYCLE) -> list[Row]:
    return world.records(-1e5, end)["stripe", table]


def product(world: World, table: str, end: float = FIRST_CYCLE) -> list[Row]:
    rows: list[Row] = world.product_rows(table, -1e5, end).to_pylist()
    return rows


def day_of(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def test_everybody_who_pays_in_the_product_has_a_subscription_of_that_plan(world: World) -> None:
    own = {
        workspace.id
        for workspace in world.life.workspaces
        if workspace.is_test or workspace.company.kind == "internal"
    }
    paying = {
        row["workspace_id"]: row["plan_code"]
        for row in product(world, "subscriptions")
        if row["status"] == "active" and row["plan_code"] != "free"
    }
    billed = {
        int(row["metadata"]["workspace_id"]): row["items"]["data"][0]["price"]["lookup_key"]
        for row in shown(world, "subscriptions")
        if row["status"] == "active"
    }
    assert billed == {key: plan for key, plan in paying.items() if key not in own}
    assert len(billed) > 20


def test_every_invoice_adds_up_and_belongs_to_somebody(world: World) -> None:
    invoices = shown(world, "invoices")
    customers = {row["id"] for row in shown(world, "customers")}
    subscriptions = {row["id"] for row in shown(world, "subscriptions")}
    assert len(invoices) > 100
    for invoice in invoices:
        if invoice.get("deleted"):
            continue
        assert invoice["total"] == sum(line["amount"] for line in invoice["lines"]["data"])
        assert invoice["amount_due"] == invoice["amount_paid"] + invoice["amount_remaining"]
        assert (invoice["status"] == "paid") == (
            invoice["status_transitions"]["paid_at"] is not None
        )
        assert invoice["customer"] in customers
        if invoice["parent"] is not None:
            assert invoice["parent"]["subscription_details"]["subscription"] in subscriptions


def test_overage_is_billed_to_the_unit(world: World) -> None:
    """Against the product's own usage rows, month by month, for every workspace that paid."""
    workspace_of = {
        row["id"]: int(row["metadata"]["workspace_id"]) for row in shown(world, "subscriptions")
    }
    billed: dict[tuple[int, str, date], tuple[int, int]] = {}
    renewed: set[tuple[int, date]] = set()
    for invoice in shown(world, "invoices"):
        if invoice["billing_reason"] != "subscription_cycle":
            continue
        workspace = workspace_of[invoice["parent"]["subscription_details"]["subscription"]]
        month = day_of(invoice["created"])
        last_month = date(month.year, month.month - 1, 1)
        renewed.add((workspace, last_month))
        for line in invoice["lines"]["data"]:
            product_id = line["pricing"]["price_details"]["product"]
            if product_id.startswith("prod_overage_"):
                key = (workspace, product_id.removeprefix("prod_overage_"), last_month)
                assert day_of(line["period"]["start"]) == last_month
                billed[key] = (line["quantity"], line["amount"])

    used: dict[tuple[int, str, date], int] = defaultdict(int)
    held: dict[tuple[int, str, date], tuple[date, int]] = {}
    for row in product(world, "usage_daily"):
        key = (row["workspace_id"], row["meter"], row["usage_date"].replace(day=1))
        if METER_KIND[row["meter"]] == "flow":
            used[key] += row["quantity"]
        else:
            held[key] = max(held.get(key, (date.min, 0)), (row["usage_date"], row["quantity"]))
    used.update({key: quantity for key, (_, quantity) in held.items()})
    subscriptions = product(world, "subscriptions")
    expected = {}
    for (workspace, meter, month), quantity in used.items():
        if (workspace, month) not in renewed:
            continue
        plan = _plan_at_the_end(subscriptions, workspace, month)
        included = PLANS[plan].included[meter] if plan in PLANS else None
        if included is not None and quantity > included:
            over = quantity - included
            expected[workspace, meter, month] = (over, round(over * OVERAGE_CENTS[meter]))
    assert billed == expected
    assert billed


def _plan_at_the_end(subscriptions: list[Row], workspace: int, month: date) -> str:
    """The plan on the last day of a month, by the product's subscriptions."""
    end = datetime(month.year, month.month + 1, 1, tzinfo=UTC)
    [plan] = [
        row["plan_code"]
        for row in subscriptions
        if row["workspace_id"] == workspace
        and row["started_at"] < end
        and (row["ended_at"] is None or row["ended_at"] >= end)
    ]
    return str(plan)


def test_an_upgrade_gives_back_the_rest_of_the_old_fee(world: World) -> None:
    lines = [
        line
        for invoice in shown(world, "invoices", 254.0)
        if invoice["billing_reason"] == "subscription_cycle"
        for line in invoice["lines"]["data"]
        if line["parent"]["subscription_item_details"]["proration"]
    ]
    back = [line for line in lines if line["amount"] < 0]
    due = [line for line in lines if line["amount"] > 0]
    assert back
    assert len(back) == len(due)
    for old, new in zip(back, due, strict=True):
        assert old["period"] == new["period"]
        assert -old["amount"] < new["amount"]  # from team to business


def test_refunds_give_back_what_was_paid(world: World) -> None:
    paid = {
        payment["payment"]["payment_intent"]: payment["amount_paid"]
        for invoice in shown(world, "invoices", 254.0)
        for payment in invoice["payments"]["data"]
    }
    refunds = shown(world, "refunds", 254.0)
    assert refunds
    for refund in refunds:
        assert 0 < refund["amount"] <= paid[refund["payment_intent"]]


@pytest.mark.parametrize("day", range(240, 254))
def test_every_change_of_a_day_is_told_by_an_event(world: World, day: int) -> None:
    """Otherwise a reader of events would miss it."""
    changed = world.records(float(day), float(day + 1))
    told = {event["about"]["id"] for event in changed["stripe", "events"]}
    for table in ("customers", "subscriptions", "invoices", "refunds"):
        assert {row["id"] for row in changed["stripe", table]} <= told


@pytest.mark.parametrize(
    ("table", "contract"),
    [
        ("customers", contracts.Customer),
        ("subscriptions", contracts.Subscription),
        ("invoices", contracts.Invoice),
        ("refunds", contracts.Refund),
    ],
)
def test_rows_have_the_fields_that_the_contract_requires(
    world: World, table: str, contract: Any
) -> None:
    required = {column.path[0] for column in columns(contract) if column.required}
    for row in shown(world, table, 254.0):
        assert row.get("deleted") or required <= row.keys()
