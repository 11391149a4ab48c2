"""The billing connector against the local Stripe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.billing.client import StripeClient
from connectors.billing.cursor import Cursor
from connectors.run import LoadResult, StreamsFailedError, StreamsToRetryError, run_source
from headwater.clock import FixedClock
from headwater.errors import CredentialError, VendorUnavailableError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 10, tzinfo=UTC)
LONG_AGO = AS_OF - timedelta(days=60)
CHECKS = 5
"""Calls that prove the rights of the key: four lists and the events."""


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def customer(number: int, at: datetime = LONG_AGO, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"cus_{number:014d}",
        "object": "customer",
        "created": seconds(at),
        "email": f"billing{number}@example.com",
        "name": f"Org {number}",
        "metadata": {"organization_id": str(number)},
        "livemode": False,
        **fields,
    }


def subscription(number: int, items: int = 1, **fields: Any) -> dict[str, Any]:
    key = f"sub_{number:014d}"
    return {
        "id": key,
        "object": "subscription",
        "created": seconds(LONG_AGO),
        "start_date": seconds(LONG_AGO),
        "customer": "cus_1",
        "currency": "usd",
        "status": "active",
        "metadata": {"workspace_id": "501"},
        "items": {
            "data": [
                {"id": f"si_{n:014d}", "object": "subscription_item", "subscription": key}
                for n in range(items)
            ]
        },
        **fields,
    }


def invoice(number: int, at: datetime = LONG_AGO, lines: int = 1, **fields: Any) -> dict[str, Any]:
    entries = [
        {"id": f"il_{number}_{n:04d}", "object": "line_item", "amount": 100} for n in range(lines)
    ]
    return {
        "id": f"in_{number:014d}",
        "object": "invoice",
        "created": seconds(at),
        "customer": "cus_1",
        "currency": "usd",
        "status": "open",
        "subtotal": 100 * lines,
        "total": 100 * lines,
        "amount_due": 100 * lines,
        "amount_paid": 0,
        "amount_remaining": 100 * lines,
        "status_transitions": {"finalized_at": seconds(at), "paid_at": None},
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        "lines": {"data": entries},
        "payments": {"data": [{"id": "inpay_1", "payment": {"payment_intent": "pi_1"}}]},
        **fields,
    }


def refund(number: int, at: datetime = LONG_AGO, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"re_{number:014d}",
        "object": "refund",
        "created": seconds(at),
        "amount": 500,
        "currency": "usd",
        "status": "pending",
        **fields,
    }


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setenv("BILLING_API_KEY", served.credentials["stripe"]["api_key"])
    monkeypatch.setenv("BILLING_BASE_URL", f"{served.url}/stripe")
    served.clock.set(AS_OF)
    served.stores["stripe"].calls_per_second.limit = 1000
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=2)


def run(settings: Settings, stream: str, as_of: datetime = AS_OF) -> LoadResult:
    [result] = run_source("billing", settings, FixedClock(as_of), "cycle", streams=[stream])
    return result


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_the_whole_by_listing_then_new_ones_changes_and_deletions(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["stripe"]
    store.seed("customers", [customer(number) for number in range(1, 251)])
    first = run(settings, "customers")
    assert (first.received, first.landed, first.calls) == (250, 250, 3)
    assert first.cursor == Cursor(read_at=AS_OF, objects=250).text()

    later = AS_OF + timedelta(hours=2)
    environment.clock.set(later)
    store.seed("customers", [customer(7, name="Seven"), customer(251, later)])
    store.seed("customers", [{"id": customer(9)["id"], "object": "customer", "deleted": True}])
    store.tell("customer.updated", customer(7, name="Six"))
    store.tell("customer.updated", customer(7, name="Seven"))
    store.tell("customer.created", customer(251, later))
    store.tell("customer.updated", customer(9))
    store.tell("customer.deleted", customer(9))
    second = run(settings, "customers", later)
    # Of the events a page, of the new ones a page, and the changed one as it is now.
    assert (second.received, second.landed, second.tombstoned, second.calls) == (3, 3, 1, 3)
    assert second.cursor == Cursor(read_at=later, objects=251).text()
    assert rows(
        settings,
        "select organization_id, name, _deleted_at from raw_billing.customers "
        "where organization_id in ('7', '9', '251') order by id",
    ) == [
        ("7", "Seven", None),
        ("9", "Org 9", later.replace(tzinfo=None)),
        ("251", "Org 251", None),
    ]
    third = run(settings, "customers", later + timedelta(hours=1))
    assert (third.received, third.landed, third.duplicates) == (3, 0, 3)  # the overlap


def test_an_event_only_says_that_an_object_changed(environment: Served, settings: Settings) -> None:
    """The copy in the event is of the account's older API version, and older than the object."""
    store = environment.stores["stripe"]
    store.seed("invoices", [invoice(1), invoice(2)])
    assert run(settings, "invoices").landed == 2
    later = AS_OF + timedelta(hours=2)
    environment.clock.set(later)
    paid = invoice(
        1,
        status="paid",
        amount_paid=100,
        amount_remaining=0,
        status_transitions={"finalized_at": seconds(LONG_AGO), "paid_at": seconds(later)},
    )
    store.tell("invoice.payment_failed", invoice(1, attempt_count=1))
    store.seed("invoices", [paid])
    assert run(settings, "invoices", later).landed == 1
    assert rows(
        settings,
        "select status, amount_paid_cents, paid_at, subscription_id, "
        "payments ->> '$[0].payment.payment_intent' "
        "from raw_billing.invoices where amount_remaining_cents = 0",
    ) == [("paid", 100, later.replace(tzinfo=None), "sub_1", "pi_1")]
    assert rows(settings, "select field from landing.drift") == []


def test_an_upcoming_invoice_is_none_and_a_deleted_draft_is_marked(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["stripe"]
    store.seed("invoices", [invoice(1, status="draft"), invoice(2)])
    run(settings, "invoices")
    later = AS_OF + timedelta(hours=2)
    environment.clock.set(later)
    store.tell("invoice.created", {k: v for k, v in invoice(3).items() if k != "id"})
    store.tell("invoice.deleted", invoice(1, status="draft"))
    store.tell("invoice.updated", invoice(4))  # gone again before it is asked for
    store.seed("invoices", [{"id": invoice(1)["id"], "object": "invoice", "deleted": True}])
    result = run(settings, "invoices", later)
    assert (result.received, result.tombstoned) == (1, 1)
    assert rows(
        settings, "select count(*) from raw_billing.invoices where _deleted_at is not null"
    ) == [(1,)]


def test_lines_and_items_beyond_the_first_ones_are_fetched(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["stripe"]
    store.seed("invoices", [invoice(1, lines=120), invoice(2, lines=10)])
    result = run(settings, "invoices")
    assert (result.landed, result.calls) == (2, 1 + 2)
    assert rows(
        settings,
        "select json_array_length(lines), list_sum(cast(lines -> '$[*].amount' as bigint[])) "
        "from raw_billing.invoices order by 1",
    ) == [(10, 1000), (120, 12000)]
    store.seed("subscriptions", [subscription(1, items=12), subscription(2, status="canceled")])
    assert run(settings, "subscriptions").calls == 1 + 1
    assert rows(
        settings,
        "select json_array_length(items), status, workspace_id "
        "from raw_billing.subscriptions order by 1",
    ) == [(1, "canceled", "501"), (12, "active", "501")]


def test_refunds_change_by_events_of_two_families(environment: Served, settings: Settings) -> None:
    store = environment.stores["stripe"]
    store.seed("refunds", [refund(1), refund(2), refund(3)])
    run(settings, "refunds")
    later = AS_OF + timedelta(hours=2)
    environment.clock.set(later)
    store.seed("refunds", [refund(1, status="succeeded"), refund(2, status="failed")])
    store.tell("charge.refund.updated", refund(1))
    store.tell("refund.failed", refund(2))
    assert run(settings, "refunds", later).landed == 2
    assert rows(settings, "select status from raw_billing.refunds order by id") == [
        ("succeeded",), ("failed",), ("pending",)
    ]  # fmt: skip


def test_an_object_is_not_seen_twice_where_readings_overlap(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["stripe"]
    just_before = AS_OF - timedelta(minutes=2)
    store.seed("refunds", [refund(1, just_before)])
    run(settings, "refunds")
    environment.clock.set(AS_OF + timedelta(hours=2))
    store.tell("refund.created", refund(1, just_before))
    second = run(settings, "refunds", AS_OF + timedelta(hours=2))
    assert (second.received, second.landed, second.duplicates) == (1, 0, 1)


def test_after_a_pause_longer_than_events_are_kept_all_is_listed_again(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["stripe"]
    store.seed("customers", [customer(1), customer(2), customer(3)])
    run(settings, "customers")
    store.tell("customer.updated", customer(1))
    store.tell("customer.deleted", customer(2))
    store.seed("customers", [customer(1, name="New")])
    store.seed("customers", [{"id": customer(2)["id"], "object": "customer", "deleted": True}])
    later = AS_OF + timedelta(days=40)
    environment.clock.set(later)
    result = run(settings, "customers", later)
    assert (result.received, result.landed, result.duplicates) == (2, 1, 1)
    assert rows(
        settings, "select name, _deleted_at is null from raw_billing.customers order by id"
    ) == [("New", True), ("Org 2", False), ("Org 3", True)]


def test_many_changes_are_listed_instead_of_asked_for_one_by_one(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["stripe"]
    store.seed("customers", [customer(number) for number in range(1, 301)])
    run(settings, "customers")
    later = AS_OF + timedelta(hours=2)
    environment.clock.set(later)
    changed = [customer(number, name="New") for number in range(1, 151)]
    store.seed("customers", changed)
    for each in changed:
        store.tell("customer.updated", each)
    result = run(settings, "customers", later)
    assert (result.received, result.landed, result.calls) == (300, 150, 2 + 3)


def test_a_wrong_key_is_said_first(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLING_API_KEY", "rk_test_wrongwrongwrong")
    with pytest.raises(CredentialError, match="BILLING_API_KEY") as caught:
        run(settings, "customers")
    assert "wrongwrongwrong" not in str(caught.value)
    assert not (settings.home / "warehouse.duckdb").exists()


def test_a_right_that_is_missing_is_named(environment: Served, settings: Settings) -> None:
    environment.stores["stripe"].rights.discard("events")
    with pytest.raises(CredentialError, match="rak_event_read"):
        run(settings, "customers")


def test_limits_outages_and_cut_answers_are_waited_out(
    environment: Served, settings: Settings
) -> None:
    environment.stores["stripe"].seed("customers", [customer(n) for n in range(1, 6)])
    environment.fault("stripe", "v1/customers", "rate_limit")
    environment.fault("stripe", "v1/customers", "status", status=503)
    assert run(settings, "customers").landed == 5
    environment.stores["stripe"].seed("refunds", [refund(n) for n in range(1, 6)])
    environment.fault("stripe", "v1/refunds", "truncate", bytes=100, clean=True)
    environment.fault("stripe", "v1/refunds", "reset")
    assert run(settings, "refunds").landed == 5


def test_stripes_word_on_trying_again_counts_more_than_the_status(
    environment: Served, settings: Settings
) -> None:
    environment.stores["stripe"].seed("customers", [customer(1)])
    # A lock is a 409, which is nobody's fault; and a 500 may be for good.
    environment.fault(
        "stripe", "v1/customers", "status", status=409, headers={"Stripe-Should-Retry": "true"}
    )
    assert run(settings, "customers").landed == 1
    calls_before = environment.calls.total("stripe")
    environment.fault(
        "stripe",
        "v1/customers",
        "status",
        status=500,
        body={"error": {"message": "No."}},
        headers={"Stripe-Should-Retry": "false"},
    )
    with pytest.raises(CredentialError, match="not to be tried again"):
        run(settings, "customers")
    assert environment.calls.total("stripe") == calls_before + 1


def test_a_day_whose_calls_are_used_up_goes_on_behind_its_last_page(
    environment: Served, tmp_path: Path
) -> None:
    store = environment.stores["stripe"]
    store.seed("customers", [customer(number) for number in range(1, 251)])
    home = tmp_path / "var"

    def on(as_of: datetime) -> Settings:
        return Settings(home=home, http_retries=0, as_of=as_of, daily_calls={"billing": CHECKS + 2})

    with pytest.raises(StreamsFailedError, match="HEADWATER_DAILY_CALLS"):
        run(on(AS_OF), "customers")
    # Made meanwhile, before the page that is asked for next: it comes with the reading after.
    tomorrow = AS_OF + timedelta(days=1)
    environment.clock.set(tomorrow)
    store.seed("customers", [customer(251, AS_OF + timedelta(hours=3))])
    result = run(on(tomorrow), "customers", tomorrow)
    assert (result.received, result.calls) == (250, 1)
    assert result.cursor == Cursor(read_at=AS_OF, objects=250).text()
    after = tomorrow + timedelta(days=1)
    environment.clock.set(after)
    assert run(on(after), "customers", after).landed == 1


@pytest.mark.parametrize(
    ("status", "error"),
    # A server that is down; a key that was revoked, until it has its rights back.
    [(503, StreamsToRetryError), (401, StreamsFailedError)],
)
def test_a_reading_of_changes_that_was_cut_off_goes_through_the_same_list(
    environment: Served, settings: Settings, status: int, error: type[Exception]
) -> None:
    store = environment.stores["stripe"]
    store.seed("refunds", [refund(number) for number in range(1, 2501)])
    run(settings, "refunds")
    later = AS_OF + timedelta(hours=2)
    environment.clock.set(later)
    changed = [refund(number, status="succeeded") for number in range(1, 26)]
    store.seed("refunds", changed)
    for each in changed:
        store.tell("refund.updated", each)
    environment.fault("stripe", changed[22]["id"], "status", times=None, status=status)
    with pytest.raises(error, match=str(status)):
        run(settings, "refunds", later)
    environment.faults.clear()
    before = environment.calls.total("stripe")
    result = run(settings, "refunds", later + timedelta(minutes=5))
    assert (result.received, result.landed) == (25, 25)
    # Neither the events nor the first twenty are asked for again.
    assert environment.calls.total("stripe") == before + CHECKS + 5
    assert result.cursor == Cursor(read_at=later, objects=2500).text()


def test_events_that_were_read_are_not_asked_for_again(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = environment.stores["stripe"]
    store.seed("refunds", [refund(number) for number in range(1, 2501)])
    run(settings, "refunds")
    later = AS_OF + timedelta(hours=2)
    environment.clock.set(later)
    for number in range(1, 26):
        changed = refund(number, status="succeeded")
        store.seed("refunds", [changed])
        store.tell("refund.updated", changed)
    get, behind = StripeClient._get, []

    def breaking(client: StripeClient, path: str, params: dict[str, Any]) -> Any:
        if path == "/v1/events" and "created[gte]" in params:
            behind.append(params.get("starting_after"))
            if len(behind) == 2:
                raise VendorUnavailableError("the power is gone")
        return get(client, path, params)

    monkeypatch.setattr("connectors.billing.client.PAGE", 10)
    monkeypatch.setattr(StripeClient, "_get", breaking)
    with pytest.raises(StreamsToRetryError, match="power"):
        run(settings, "refunds", later)
    assert run(settings, "refunds", later + timedelta(minutes=5)).landed == 25
    first, second, again, third = behind
    assert first is None
    assert second == again, "the page in flight, and no other, is asked for twice"
    assert len({first, second, third}) == 3


def test_a_schema_that_changes_between_pages_costs_single_records_only(
    environment: Served, settings: Settings
) -> None:
    plain = [customer(number) for number in range(3, 150)]
    changed = customer(1, tax_exempt="none", email=None)
    del changed["name"]
    broken = customer(2, delinquent="perhaps")
    environment.stores["stripe"].seed("customers", [*plain, changed, broken])
    result = run(settings, "customers")
    assert (result.landed, result.quarantined) == (148, 1)
    assert rows(settings, "select field from landing.drift") == [("tax_exempt",)]
    [(key, reason)] = rows(settings, "select record_key, reason from landing.quarantine")
    assert key == broken["id"]
    assert reason == "column is_delinquent (delinquent): value 'perhaps' is not true or false"
