"""What Stripe delivers in API version 2025-06-30.basil: money in cents, moments in seconds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connectors.contract import Clock, Contract, Pii, column


def _moment(path: str, description: str) -> Any:
    return column(path, f"{description}, UTC.", clock=Clock.EPOCH_SECONDS)


class Customer(Contract):
    """One row per customer."""

    id: str = column("id", "Customer id, cus_...")
    email: str | None = column(
        "email", "Address that invoices go to.", pii=Pii.CONTACT, mentions="email"
    )
    name: str | None = column("name", "Name of the company or person.", pii=Pii.NAME)
    phone: str | None = column("phone", "Telephone.", pii=Pii.CONTACT)
    description: str | None = column("description", "Note.", pii=Pii.FREE_TEXT)
    country: str | None = column("address.country", "ISO 3166 two-letter country.")
    organization_id: str | None = column(
        "_organization_id",
        "Product organization id, where the product sent it.",
        computed="metadata ->> '$.organization_id'",
    )
    currency: str | None = column("currency", "Currency of its invoices.")
    balance_cents: int | None = column("balance", "What it owes (positive) or has to its credit.")
    is_delinquent: bool | None = column("delinquent", "Whether its last payment failed.")
    metadata: dict | None = column("metadata", "What the product sent.")  # type: ignore[type-arg]
    created_at: datetime = _moment("created", "Created")


class Subscription(Contract):
    """One row per subscription, ended ones included."""

    id: str = column("id", "Subscription id, sub_...")
    customer_id: str = column("customer", "Customer.")
    workspace_id: str | None = column(
        "_workspace_id",
        "Product workspace id, where the product sent it.",
        computed="metadata ->> '$.workspace_id'",
    )
    status: str = column(
        "status",
        "incomplete, incomplete_expired, trialing, active, past_due, canceled, unpaid or paused.",
    )
    currency: str = column("currency", "Currency.")
    collection_method: str | None = column(
        "collection_method", "charge_automatically or send_invoice."
    )
    items: list = column("items.data", "What is subscribed to, with price and quantity.")  # type: ignore[type-arg]
    latest_invoice_id: str | None = column("latest_invoice", "Its last invoice.")
    metadata: dict | None = column("metadata", "What the product sent.")  # type: ignore[type-arg]
    created_at: datetime = _moment("created", "Created")
    started_at: datetime | None = _moment("start_date", "Began")
    cancel_at_period_end: bool | None = column(
        "cancel_at_period_end", "Whether it ends with the period that is paid for."
    )
    canceled_at: datetime | None = _moment("canceled_at", "When somebody canceled it")
    ended_at: datetime | None = _moment("ended_at", "When it ended")
    trial_ends_at: datetime | None = _moment("trial_end", "When its trial ends")


class Invoice(Contract):
    """One row per invoice, drafts included."""

    id: str = column("id", "Invoice id, in_...")
    number: str | None = column("number", "Number on the invoice, once it is final.")
    customer_id: str | None = column("customer", "Customer.")
    subscription_id: str | None = column(
        "parent.subscription_details.subscription", "Subscription it is for."
    )
    status: str | None = column("status", "draft, open, paid, uncollectible or void.")
    billing_reason: str | None = column("billing_reason", "Why it was made.")
    collection_method: str | None = column(
        "collection_method", "charge_automatically or send_invoice."
    )
    currency: str = column("currency", "Currency.")
    subtotal_cents: int = column("subtotal", "Sum of its lines.")
    total_cents: int = column("total", "After discounts and taxes.")
    amount_due_cents: int = column("amount_due", "To be paid, after the customer's balance.")
    amount_paid_cents: int = column("amount_paid", "Paid.")
    amount_remaining_cents: int = column("amount_remaining", "Not yet paid.")
    attempts: int | None = column("attempt_count", "Attempts to charge.")
    lines: list = column("lines.data", "Its lines, all of them.")  # type: ignore[type-arg]
    payments: list | None = column("payments.data", "Payments, with their payment intents.")  # type: ignore[type-arg]
    customer_email: str | None = column(
        "customer_email", "Address it was sent to.", pii=Pii.CONTACT, mentions="email"
    )
    customer_name: str | None = column("customer_name", "Name on it.", pii=Pii.NAME)
    metadata: dict | None = column("metadata", "Whatever else was set.")  # type: ignore[type-arg]
    created_at: datetime = _moment("created", "Created")
    period_start_at: datetime | None = _moment("period_start", "Begin of the period it looks at")
    period_end_at: datetime | None = _moment("period_end", "End of that period")
    due_at: datetime | None = _moment("due_date", "When it is due")
    finalized_at: datetime | None = _moment("status_transitions.finalized_at", "When it was final")
    paid_at: datetime | None = _moment("status_transitions.paid_at", "When it was paid")
    voided_at: datetime | None = _moment("status_transitions.voided_at", "When it was voided")
    uncollectible_at: datetime | None = _moment(
        "status_transitions.marked_uncollectible_at", "When it was given up"
    )


class Refund(Contract):
    """One row per refund."""

    id: str = column("id", "Refund id, re_...")
    amount_cents: int = column("amount", "Amount given back.")
    currency: str = column("currency", "Currency.")
    status: str | None = column(
        "status", "pending, requires_action, succeeded, failed or canceled."
    )
    reason: str | None = column(
        "reason", "duplicate, fraudulent, requested_by_customer, or why Stripe did it."
    )
    failure_reason: str | None = column("failure_reason", "Why it failed.")
    charge_id: str | None = column("charge", "Charge that it gives back.")
    payment_intent_id: str | None = column(
        "payment_intent", "Payment it gives back; an invoice's payments name it too."
    )
    metadata: dict | None = column("metadata", "Whatever was set.")  # type: ignore[type-arg]
    created_at: datetime = _moment("created", "Created")
