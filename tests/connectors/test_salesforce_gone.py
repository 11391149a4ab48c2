"""Leads that leave Salesforce for good before they were seen in the recycle bin."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.run import StreamsToRetryError, run_source
from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect
from sandbox.vendors.salesforce import ids
from tests.connectors.conftest import Served
from tests.connectors.salesforce_under_test import AS_OF, lead, leads, run, use

BEFORE = AS_OF - timedelta(days=2)
WEEK = timedelta(days=7)


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    used = use(served, monkeypatch)
    used.stores["salesforce"].seed(
        "Lead", [lead(number, BEFORE, IsDeleted=number == 4) for number in range(1, 7)]
    )
    return used


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", http_retries=0)


def delete_for_good(environment: Served, *numbers: int) -> None:
    for number in numbers:
        environment.stores["salesforce"].execute(
            'delete from "Lead" where "Id" = ?', (ids.make("00Q", "SEED", number),)
        )


def alive(settings: Settings) -> list[int]:
    """The numbers of the leads that live in the warehouse."""
    with connect(settings, read_only=True) as connection:
        rows = connection.execute(
            "select id from raw_salesforce.lead where _deleted_at is null"
        ).fetchall()
    numbers = {ids.make("00Q", "SEED", number): number for number in range(1, 10)}
    return sorted(numbers[row[0]] for row in rows)


def test_a_lead_deleted_for_good_becomes_a_tombstone_with_the_next_comparison(
    environment: Served, settings: Settings
) -> None:
    assert run(settings).tombstoned == 1
    assert alive(settings) == [1, 2, 3, 5, 6]
    delete_for_good(environment, 2, 5)
    early = run(settings, AS_OF + WEEK - timedelta(hours=1))
    assert (early.tombstoned, early.calls) == (0, 1), "not due yet"
    environment.stores["salesforce"].seed("Lead", [lead(7, AS_OF + timedelta(days=6))])
    due = run(settings, AS_OF + WEEK)
    assert (due.landed, due.duplicates, due.tombstoned) == (1, 4, 2), "an overlap comes again"
    assert alive(settings) == [1, 3, 6, 7]
    seen = {at for (at, flag) in leads(settings, "_deleted_at, is_deleted") if at and not flag}
    assert seen == {(AS_OF + WEEK).replace(tzinfo=None)}
    after = run(settings, AS_OF + WEEK + timedelta(hours=1))
    assert (after.tombstoned, after.calls) == (0, 1), "a week from now again"


def test_what_lies_in_the_bin_or_is_new_is_not_taken_for_gone(
    environment: Served, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALESFORCE_KEY_CHECK_HOURS", "0")
    run(settings)
    before = leads(settings, "*")
    assert run(settings, AS_OF + timedelta(hours=1)).tombstoned == 0
    assert leads(settings, "*") == before


def test_ids_that_were_cut_off_mark_nothing_and_the_job_is_read_again(
    environment: Served, settings: Settings
) -> None:
    run(settings)
    delete_for_good(environment, 2)
    environment.fault("salesforce", "jobs/query/.*/results", "truncate", times=1)
    with pytest.raises(StreamsToRetryError):
        run(settings, AS_OF + WEEK)
    assert alive(settings) == [1, 2, 3, 5, 6]
    assert run(settings, AS_OF + WEEK).tombstoned == 1
    assert alive(settings) == [1, 3, 5, 6]


def test_users_and_the_history_of_fields_are_not_compared(
    environment: Served, settings: Settings
) -> None:
    def calls_of(stream: str, at: timedelta) -> int:
        [result] = run_source(
            "salesforce", settings, FixedClock(AS_OF + at), "cycle", streams=[stream]
        )
        return result.calls

    for stream in ("user", "opportunity_field_history"):
        calls_of(stream, timedelta(0))
        assert calls_of(stream, WEEK) == 1
