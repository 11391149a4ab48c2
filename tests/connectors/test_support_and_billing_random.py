"""Random histories with readings that are cut off: the warehouse ends as the vendor is."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.run import run_source
from headwater.clock import FixedClock
from headwater.errors import RetryableError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served
from tests.connectors.test_billing import AS_OF, customer
from tests.connectors.test_support import ticket

ROUNDS = 6


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    zendesk = served.credentials["zendesk"]
    monkeypatch.setenv("SUPPORT_SUBDOMAIN", zendesk["subdomain"])
    monkeypatch.setenv("SUPPORT_EMAIL", zendesk["email"])
    monkeypatch.setenv("SUPPORT_API_TOKEN", zendesk["api_token"])
    monkeypatch.setenv("SUPPORT_BASE_URL", f"{served.url}/zendesk")
    monkeypatch.setenv("SUPPORT_EXPORTS_PER_MINUTE", "1000")
    monkeypatch.setenv("BILLING_API_KEY", served.credentials["stripe"]["api_key"])
    monkeypatch.setenv("BILLING_BASE_URL", f"{served.url}/stripe")
    served.stores["zendesk"].exports_per_minute.limit = 1000
    served.stores["stripe"].calls_per_second.limit = 1000
    return served


def read(
    environment: Served, settings: Settings, source: str, stream: str, dice: random.Random
) -> None:
    """Read until it succeeds; some answers on the way are lost."""
    vendor = {"billing": "stripe", "support": "zendesk"}[source]
    path = {"billing": "customers|events", "support": "incremental"}[source]
    for _ in range(dice.randint(0, 2)):
        environment.fault(vendor, path, dice.choice(["status", "reset"]), status=500)
    for _ in range(4):
        present = environment.clock.now()
        try:
            run_source(source, settings, FixedClock(present), "cycle", streams=[stream])
            return
        except RetryableError:
            environment.clock.set(present + timedelta(minutes=dice.randint(1, 90)))
    raise AssertionError("it never succeeded")


@pytest.mark.parametrize("seed", range(2))
def test_customers_that_come_change_and_go(environment: Served, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    store = environment.stores["stripe"]
    settings = Settings(home=tmp_path / "var", http_retries=0)
    living = {number: customer(number) for number in range(1, 151)}
    newest = len(living)
    store.seed("customers", list(living.values()))
    environment.clock.set(AS_OF)
    for _ in range(ROUNDS):
        for _ in range(dice.choice([0, 3, 20, 150])):
            now = environment.clock.now() + timedelta(minutes=dice.randint(1, 30))
            environment.clock.set(now)
            number = dice.choice([newest + 1, *living])
            if number > newest:  # ids are never given out again
                newest = number
                living[number] = customer(number, now)
                kind = "created"
            elif dice.random() < 0.2:
                gone = living.pop(number)
                store.seed("customers", [{**gone, "deleted": True}])
                store.tell("customer.deleted", gone)
                continue
            else:
                living[number] = {**living[number], "name": f"N{dice.random()}"}
                kind = "updated"
            store.seed("customers", [living[number]])
            store.tell(f"customer.{kind}", living[number])
        if dice.random() < 0.2:  # a pause longer than events are kept
            environment.clock.set(environment.clock.now() + timedelta(days=35))
        read(environment, settings, "billing", "customers", dice)
        with connect(settings, read_only=True) as connection:
            rows = connection.execute(
                "select id, name from raw_billing.customers where _deleted_at is null order by id"
            ).fetchall()
        if living:  # a listing that shows nothing at all is not believed
            assert rows == sorted((each["id"], each["name"]) for each in living.values())


@pytest.mark.parametrize("seed", range(2))
def test_tickets_that_change_and_are_deleted(
    environment: Served, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    store = environment.stores["zendesk"]
    settings = Settings(home=tmp_path / "var", http_retries=0)
    held: dict[int, dict[str, Any]] = {}
    for _ in range(ROUNDS):
        for _ in range(dice.choice([0, 3, 20, 150])):
            environment.clock.set(environment.clock.now() + timedelta(seconds=dice.randint(0, 5)))
            number = dice.randint(1, 300)
            status = dice.choice(["open", "solved", "closed", "deleted"])
            held[number] = ticket(number, environment.clock.now(), status=status)
            store.seed("tickets", [held[number]])
        environment.clock.set(environment.clock.now() + timedelta(seconds=dice.choice([0, 30, 90])))
        read(environment, settings, "support", "tickets", dice)
    environment.clock.set(environment.clock.now() + timedelta(minutes=2))
    read(environment, settings, "support", "tickets", dice)
    with connect(settings, read_only=True) as connection:
        rows = connection.execute(
            "select id, status, _deleted_at is not null from raw_support.tickets order by id"
        ).fetchall()
    assert rows == sorted(
        (number, each["status"], each["status"] == "deleted") for number, each in held.items()
    )
