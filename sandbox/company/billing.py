"""Who pays, as Stripe has it: a customer per paying organization, a subscription per workspace.

A subscription begins when a workspace leaves the free plan, changes its price with the plan and
ends with the way back. Bills go by calendar months, like the meters; :mod:`billing_invoices` writes
them. GroupGrub's own workspaces pay nothing.
"""

from __future__ import annotations

from sandbox.company.agents import Organization, ProductLife, Stretch
from sandbox.company.billing_books import (
    CURRENCY,
    Ledger,
    Subscription,
    overage_price,
    price,
    seconds,
)
from sandbox.company.billing_invoices import Invoicing
from sandbox.company.dice import Dice
from sandbox.company.plans import METERS
from sandbox.company.timeline import HORIZON, MINUTE
from sandbox.company.usage import Usage
from sandbox.company.versions import Row


def simulate(life: ProductLife, usage: Usage, seed: int) -> Ledger:
    """The books of all paying workspaces."""
    ledger = Ledger(Dice(seed, "billing"))
    subscriptions = _subscriptions(life, ledger)
    for subscription in subscriptions:
        _subscribe(subscription, ledger)
        Invoicing(ledger, usage, subscription).run()
    _leave(subscriptions, ledger)
    ledger.settle()
    return ledger


def _subscriptions(life: ProductLife, ledger: Ledger) -> list[Subscription]:
    """A subscription for each workspace that ever pays, by when it began, and their customers."""
    paying = []
    for row, workspace in enumerate(life.workspaces):
        paid = [s for s in workspace.stretches if s.plan != "free" and s.start < HORIZON]
        if paid and not workspace.is_test and workspace.company.kind != "internal":
            paying.append((paid[0].start, workspace.id, row, workspace, paid))
    found, customers = [], {}
    for start, _, row, workspace, paid in sorted(paying, key=lambda item: item[:2]):
        organization = workspace.organization
        if organization.id not in customers:
            customers[organization.id] = _customer(organization, start, ledger)
        end = paid[-1].end if paid[-1].end is not None else workspace.deleted
        customer = customers[organization.id]
        found.append(Subscription(workspace, row, customer, ledger.key("sub"), paid, end))
    return found


def _customer(organization: Organization, start: float, ledger: Ledger) -> str:
    key, dice = ledger.key("cus"), ledger.dice
    address = organization.billing_email or organization.creator.email
    ledger.make(
        "customers",
        start - 2 * MINUTE,
        {
            "id": key,
            "object": "customer",
            "email": organization.creator.email,
            "name": organization.name,
            "phone": None,
            "description": None,
            "address": {"country": organization.company.country},
            "currency": CURRENCY,
            "balance": 0,
            "delinquent": False,
            "metadata": {"organization_id": str(organization.id)},
        },
        "customer.created",
    )
    if address != organization.creator.email:
        ledger.change(
            "customers", key, start + dice.between(0.5, 20), "customer.updated", email=address
        )
    return key


def _subscribe(subscription: Subscription, ledger: Ledger) -> None:
    """The subscription itself; a change of plan is a change of its items."""
    workspace, first = subscription.workspace, subscription.stretches[0]
    ledger.make(
        "subscriptions",
        subscription.start,
        {
            "id": subscription.key,
            "object": "subscription",
            "customer": subscription.customer,
            "currency": CURRENCY,
            "status": "active",
            "collection_method": "send_invoice"
            if subscription.pays_by_transfer
            else "charge_automatically",
            "start_date": seconds(subscription.start),
            "items": {"data": _items(subscription, first, ledger)},
            "latest_invoice": None,
            "cancel_at_period_end": False,
            "canceled_at": None,
            "ended_at": None,
            "trial_end": None,
            "metadata": {"workspace_id": str(workspace.id)},
        },
        "customer.subscription.created",
    )
    for stretch in subscription.stretches[1:]:
        ledger.change(
            "subscriptions",
            subscription.key,
            stretch.start,
            "customer.subscription.updated",
            items={"data": _items(subscription, stretch, ledger)},
        )
    if subscription.end is not None:
        ended = seconds(subscription.end)
        ledger.change(
            "subscriptions",
            subscription.key,
            subscription.end,
            "customer.subscription.deleted",
            status="canceled",
            canceled_at=ended,
            ended_at=ended,
        )


def _items(subscription: Subscription, stretch: Stretch, ledger: Ledger) -> list[Row]:
    """The plan's fee, and what is metered beyond it; enterprise has a price of its own."""
    prices = [price(stretch)]
    if stretch.plan != "enterprise":
        prices += [overage_price(meter) for meter in METERS]
    return [
        {
            "id": ledger.key("si"),
            "object": "subscription_item",
            "created": seconds(stretch.start),
            "subscription": subscription.key,
            "quantity": 1 if number == 0 else None,
            "price": each,
        }
        for number, each in enumerate(prices)
    ]


def _leave(subscriptions: list[Subscription], ledger: Ledger) -> None:
    """Some customers whose last subscription has ended ask to be forgotten."""
    ends: dict[str, float] = {}
    for each in subscriptions:
        end = HORIZON if each.end is None else each.end
        ends[each.customer] = max(end, ends.get(each.customer, 0.0))
    for customer, end in ends.items():
        if end < HORIZON and ledger.dice.chance(0.2):
            t = end + ledger.dice.between(20, 50)
            ledger.change("customers", customer, t, "customer.deleted", deleted=True)
