"""A day's calls that run out half-way: a clean stop, and on the next day on from there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.run import StreamsFailedError, run_source
from headwater.clock import FixedClock
from headwater.errors import QuotaExhaustedError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served
from tests.connectors.test_hubspot import AS_OF, contact, environment  # noqa: F401

CONTACTS = 950
DAILY_CALLS = 9


def day(home: Path, number: int) -> int:
    """One run on a day; returns how many contacts it landed."""
    settings = Settings(
        home=home, as_of=AS_OF + timedelta(days=number), daily_calls={"hubspot": DAILY_CALLS}
    )
    clock = FixedClock(AS_OF + timedelta(days=number))
    [result] = run_source("hubspot", settings, clock, "cycle", streams=["contacts"])
    return result.landed


def test_what_was_read_is_kept_and_goes_on_the_next_day(
    environment: Served,  # noqa: F811
    tmp_path: Path,
) -> None:
    before = AS_OF - timedelta(days=3)
    environment.stores["hubspot"].seed(
        "contacts", [contact(number, before) for number in range(1, CONTACTS + 1)]
    )
    with pytest.raises(StreamsFailedError, match=r"hubspot: the 9 calls .* are used up") as caught:
        day(tmp_path, 0)
    assert isinstance(caught.value.errors["contacts"], QuotaExhaustedError)
    assert environment.calls.total("hubspot") == DAILY_CALLS
    with pytest.raises(QuotaExhaustedError):  # the first call of the check is refused already
        day(tmp_path, 0)
    assert environment.calls.total("hubspot") == DAILY_CALLS

    landed = 0
    days = 0
    while not landed:
        days += 1
        try:
            landed = day(tmp_path, days)
        except StreamsFailedError:
            assert days < 5, "it does not come forward"
    assert landed == CONTACTS
    pages = -(-CONTACTS // 100) + 1  # and one of archived contacts
    checks = 4 * (days + 1)
    assert environment.calls.total("hubspot") == pages + checks
    with connect(Settings(home=tmp_path), read_only=True) as connection:
        assert connection.execute("select count(*), sum(landed) from landing.loads").fetchall() == [
            (1, CONTACTS)
        ]
