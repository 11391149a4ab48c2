"""The local Stripe, judged by Stripe's own client."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from sandbox.vendors.stripe.store import Store
from sandbox.vendors.stripe.versions import ACCOUNT, CURRENT
from tests.sandbox.conftest import NOW, Served

DAY = 86_400
PRESENT = int(NOW.timestamp())


def customer(number: int, created: int = PRESENT - DAY, **fields: Any) -> dict[str, Any]:
    return {"id": f"cus_{number:04d}", "object": "customer", "created": created, **fields}


def invoice(number: int, lines: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"in_{number:04d}",
        "object": "invoice",
        "created": PRESENT - DAY,
        "status": "paid",
        "customer": "cus_0001",
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        "lines": {"data": [{"id": f"il_{n:04d}", "object": "line_item"} for n in range(lines)]},
        "payments": {"data": [{"id": "inpay_1", "object": "invoice_payment"}]},
        **fields,
    }


def subscription(number: int, status: str = "active", items: int = 1) -> dict[str, Any]:
    entries = [
        {"id": f"si_{n:04d}", "object": "subscription_item", "current_period_end": 7}
        for n in range(items)
    ]
    return {
        "id": f"sub_{number:04d}",
        "object": "subscription",
        "created": PRESENT - DAY,
        "status": status,
        "customer": "cus_0001",
        "items": {"data": entries},
    }


@pytest.fixture
def store(served: Served) -> Store:
    found: Store = served.stores["stripe"]
    return found


@pytest.fixture
def client(served: Served) -> stripe.StripeClient:
    return client_with(served, served.credentials["stripe"]["api_key"])


def client_with(served: Served, key: str, version: str = CURRENT) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": f"{served.url}/stripe"},
        stripe_version=version,
        max_network_retries=0,
        http_client=stripe.RequestsClient(),
    )


def test_the_client_pages_through_all_newest_first(
    client: stripe.StripeClient, store: Store
) -> None:
    store.calls_per_second.limit = 1000
    store.seed("customers", [customer(n, PRESENT - n * 60) for n in range(1, 26)])
    page = client.v1.customers.list({"limit": 10})
    assert page.has_more
    assert [each.id for each in page.auto_paging_iter()] == [f"cus_{n:04d}" for n in range(1, 26)]
    last = client.v1.customers.list({"limit": 10, "ending_before": "cus_0011"})
    assert [each.id for each in last.data] == [f"cus_{n:04d}" for n in range(1, 11)]


def test_lists_filter_by_creation(client: stripe.StripeClient, store: Store) -> None:
    store.seed("customers", [customer(n, PRESENT - n * DAY) for n in range(1, 6)])
    found = client.v1.customers.list({"created": {"gte": PRESENT - 4 * DAY, "lt": PRESENT - DAY}})
    assert [each.id for each in found.data] == ["cus_0002", "cus_0003", "cus_0004"]


def test_a_deleted_customer_is_no_longer_listed_and_says_that_it_is_deleted(
    client: stripe.StripeClient, store: Store
) -> None:
    store.seed("customers", [customer(1), customer(2)])
    store.seed("customers", [customer(1, deleted=True, email="x@example.com")])
    assert [each.id for each in client.v1.customers.list().data] == ["cus_0002"]
    gone = client.v1.customers.retrieve("cus_0001")
    assert gone.to_dict() == {"id": "cus_0001", "object": "customer", "deleted": True}


def test_a_deleted_draft_is_unknown(client: stripe.StripeClient, store: Store) -> None:
    store.seed("invoices", [invoice(1, status="draft")])
    store.seed("invoices", [invoice(1, deleted=True)])
    with pytest.raises(stripe.InvalidRequestError, match="No such invoice: 'in_0001'") as caught:
        client.v1.invoices.retrieve("in_0001")
    assert caught.value.code == "resource_missing"
    assert caught.value.http_status == 404


def test_canceled_subscriptions_are_listed_when_asked_for(
    client: stripe.StripeClient, store: Store
) -> None:
    store.seed("subscriptions", [subscription(1), subscription(2, "canceled")])
    assert [each.id for each in client.v1.subscriptions.list().data] == ["sub_0001"]
    assert len(client.v1.subscriptions.list({"status": "all"}).data) == 2
    only = client.v1.subscriptions.list({"status": "canceled"}).data
    assert [each.id for each in only] == ["sub_0002"]


def test_nested_lists_show_ten_and_are_listed_apart(
    client: stripe.StripeClient, store: Store
) -> None:
    store.calls_per_second.limit = 1000
    store.seed("invoices", [invoice(1, lines=25)])
    found = client.v1.invoices.retrieve("in_0001")
    assert (len(found.lines.data), found.lines.has_more) == (10, True)
    lines = client.v1.invoices.line_items.list("in_0001", {"limit": 10})
    assert len(list(lines.auto_paging_iter())) == 25
    store.seed("subscriptions", [subscription(1, items=12)])
    items = client.v1.subscription_items.list({"subscription": "sub_0001", "limit": 100})
    assert len(items.data) == 12


def test_payments_are_shown_when_expanded_and_nothing_else_can_be(
    client: stripe.StripeClient, store: Store
) -> None:
    store.seed("invoices", [invoice(1)])
    assert "payments" not in client.v1.invoices.retrieve("in_0001")
    found = client.v1.invoices.retrieve("in_0001", {"expand": ["payments"]})
    assert found.payments.data[0].id == "inpay_1"
    listed = client.v1.invoices.list({"expand": ["data.payments"]})
    assert "payments" in listed.data[0]
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.invoices.list({"expand": ["data.customer"]})


def test_events_hold_the_object_in_the_accounts_version_for_thirty_days(
    client: stripe.StripeClient, store: Store
) -> None:
    store.tell("invoice.paid", invoice(1))
    store.tell("customer.updated", customer(1))
    store.seed(
        "events",
        [{"id": "evt_old", "type": "invoice.paid", "created": PRESENT - 31 * DAY,
          "about": invoice(2)}],
    )  # fmt: skip
    [paid] = client.v1.events.list({"types": ["invoice.paid", "invoice.voided"]}).data
    assert paid.api_version == ACCOUNT
    assert paid.data.object["subscription"] == "sub_1"
    assert "parent" not in paid.data.object
    assert [e.type for e in client.v1.events.list({"type": "customer.*"}).data] == [
        "customer.updated"
    ]
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        client.v1.events.retrieve("evt_old")
    with pytest.raises(stripe.InvalidRequestError, match="at most 20"):
        client.v1.events.list({"types": [f"invoice.x{n}" for n in range(21)]})


def test_the_version_of_the_call_decides_the_shape(served: Served, store: Store) -> None:
    store.seed("invoices", [invoice(1)])
    key = served.credentials["stripe"]["api_key"]
    older = client_with(served, key, ACCOUNT).v1.invoices.retrieve("in_0001")
    assert (older["subscription"], "parent" in older) == ("sub_1", False)
    plain = requests.get(
        f"{served.url}/stripe/v1/invoices/in_0001", auth=(key, ""), timeout=10
    ).json()
    assert plain["subscription"] == "sub_1"
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        client_with(served, key, "2019-01-01").v1.invoices.retrieve("in_0001")


def test_a_wrong_key_a_missing_right_and_a_limit(served: Served, store: Store) -> None:
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key") as refused:
        client_with(served, "rk_test_0123456789abcdef").v1.customers.list()
    assert "0123456789ab" not in str(refused.value)
    client = client_with(served, served.credentials["stripe"]["api_key"])
    store.rights.discard("refunds")
    with pytest.raises(stripe.PermissionError, match="rak_refund_read"):
        client.v1.refunds.list()
    store.calls_per_second.limit = 1
    store.calls_per_second.seconds = 60
    client.v1.customers.list()
    with pytest.raises(stripe.RateLimitError):
        client.v1.customers.list()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"limit": 101}, "between 1 and 100"),
        ({"starting_after": "cus_none"}, "No such customer: 'cus_none'"),
        ({"colour": "red"}, "Received unknown parameter: colour"),
        ({"created": {"near": 5}}, "unknown parameter"),
        ({"created": {"gte": "yesterday"}}, "Invalid integer"),
    ],
)
def test_what_the_vendor_would_not_understand_is_refused(
    client: stripe.StripeClient, params: Any, message: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message) as caught:
        client.v1.customers.list(params)
    assert caught.value.http_status == 400
