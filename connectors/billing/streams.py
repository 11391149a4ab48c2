"""The streams of billing: customers, subscriptions, invoices and refunds."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from connectors.billing import contracts
from connectors.contract import Contract
from connectors.stream import Deletes, Mode, Overlap, Stream

OVERLAP = Overlap(
    timedelta(minutes=10),
    "an event takes seconds to minutes until the feed shows it",
)
OBJECTS_DONT_SAY = ("object", "livemode")


@dataclass(frozen=True)
class Listing:
    """How Stripe lists the objects of a stream, and which events tell of a change to one.

    ``object`` is what the events' objects must be: some events of a family carry another one.
    ``params`` go with each listing. ``nested`` is the list inside each object that is cut off after
    its first entries, with the path that lists all of it.
    """

    object: str
    events: tuple[str, ...]
    deleted: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    expand: str | None = None
    nested: tuple[str, str] | None = None


def _stream(
    name: str, contract: type[Contract], deletes: Deletes, ignored: tuple[str, ...] = ()
) -> Stream:
    return Stream(
        source="billing",
        name=name,
        contract=contract,
        mode=Mode.MERGE,
        key=("id",),
        # Objects don't say when they changed. Each load holds an object once, as it was when it was
        # asked for, so the later load has the later version.
        version=(),
        cursor="moment of the last reading",
        deletes=deletes,
        overlap=OVERLAP,
        ignored=(*OBJECTS_DONT_SAY, *ignored),
    )


def _list_frame(name: str) -> tuple[str, ...]:
    return tuple(f"{name}.{part}" for part in ("object", "has_more", "total_count", "url"))


CUSTOMERS = _stream("customers", contracts.Customer, Deletes("the event customer.deleted"))
SUBSCRIPTIONS = _stream(
    "subscriptions",
    contracts.Subscription,
    Deletes("never deleted: an ended one stays listed as canceled"),
    _list_frame("items"),
)
INVOICES = _stream(
    "invoices",
    contracts.Invoice,
    Deletes("the event invoice.deleted: only drafts can be deleted"),
    (
        *_list_frame("lines"),
        *_list_frame("payments"),
        "parent.type",
        "parent.subscription_details.metadata",  # a copy of the subscription's
    ),
)
REFUNDS = _stream("refunds", contracts.Refund, Deletes("never deleted"))

STREAMS = (CUSTOMERS, SUBSCRIPTIONS, INVOICES, REFUNDS)


def _named(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names)


LISTINGS = {
    "customers": Listing(
        "customer",
        _named("customer", "created", "updated", "deleted"),
        deleted="customer.deleted",
    ),
    "subscriptions": Listing(
        "subscription",
        _named(
            "customer.subscription",
            "created",
            "updated",
            "deleted",
            "paused",
            "resumed",
            "trial_will_end",
            "pending_update_applied",
            "pending_update_expired",
        ),
        params={"status": "all"},  # without it canceled ones are left out
        nested=("items", "/v1/subscription_items?subscription={id}"),
    ),
    "invoices": Listing(
        "invoice",
        _named(
            "invoice",
            "created",
            "updated",
            "deleted",
            "finalized",
            "finalization_failed",
            "sent",
            "overdue",
            "paid",
            "overpaid",
            "payment_action_required",
            "payment_failed",
            "payment_succeeded",
            "voided",
            "marked_uncollectible",
        ),
        deleted="invoice.deleted",
        expand="payments",
        nested=("lines", "/v1/invoices/{id}/lines"),
    ),
    "refunds": Listing(
        "refund",
        (*_named("refund", "created", "updated", "failed"), "charge.refund.updated"),
    ),
}
"""At most 20 kinds of events can be asked for at once."""
