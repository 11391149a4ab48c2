"""A source's calls of one UTC day are counted over processes and stop at the number allowed."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater.budget import CallBudget, call_budget
from headwater.clock import FixedClock
from headwater.errors import QuotaExhaustedError
from headwater.settings import Settings
from headwater.shared_state import FILE
from tests.state_places import in_both_places, state_place, state_server

__all__ = ["state_place", "state_server"]

LATE = datetime(2025, 8, 29, 23, 59, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, state_place: Mapping[str, Any]) -> Settings:
    return Settings(home=tmp_path, **state_place)


@in_both_places
def test_the_call_past_the_budget_is_refused_until_the_next_day(settings: Settings) -> None:
    clock = FixedClock(LATE)
    for _ in range(3):  # each is another process's
        CallBudget("hubspot", 3, settings, clock).spend()
    budget = CallBudget("hubspot", 3, settings, clock)
    with pytest.raises(QuotaExhaustedError, match=r"hubspot: the 3 calls .* on 2025-08-29"):
        budget.spend()
    CallBudget("marketo", 1, settings, clock).spend()
    clock.at += timedelta(minutes=1)
    budget.spend()


@in_both_places
def test_a_budget_that_is_raised_goes_on_the_same_day(settings: Settings) -> None:
    clock = FixedClock(LATE)
    CallBudget("hubspot", 1, settings, clock).spend()
    with pytest.raises(QuotaExhaustedError):
        CallBudget("hubspot", 1, settings, clock).spend()
    CallBudget("hubspot", 2, settings, clock).spend()


@in_both_places
def test_calls_at_the_same_time_are_all_counted(settings: Settings) -> None:
    budget = CallBudget("hubspot", 20, settings, FixedClock(LATE))

    def spend(_: int) -> bool:
        try:
            budget.spend()
        except QuotaExhaustedError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(spend, range(40))) == 20


def test_only_a_source_that_is_named_has_a_budget(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, as_of=LATE, daily_calls={"hubspot": 1})
    assert call_budget("salesforce", settings) is None
    budget = call_budget("hubspot", settings)
    assert budget is not None
    budget.spend()
    assert (tmp_path / FILE).exists()
    assert budget.clock.now() == LATE
