"""Several sources of one cycle: read side by side, landed in turn, nothing read twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pytest

from connectors import run
from connectors.raw_tables import ensure_raw_tables
from connectors.read_ahead import ReadAhead
from connectors.run import LoadResult, SourceRun, StreamsToRetryError, run_source
from connectors.stream import Stream
from connectors.zone import Extracted, LoadFolder
from headwater.clock import Clock, FixedClock
from headwater.errors import CredentialError, RetryableError, WarehouseBusyError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.streams_under_test import NOON, THINGS, thing

WAIT = 10.0


@dataclass
class Shop:
    """A source of one stream. ``waits_for`` is another that has to be asked at the same time;
    ``asks`` is one that has to have landed."""

    name: str
    settings: Settings
    waits_for: Shop | None = None
    asks: str | None = None
    check_error: Exception | None = None
    failures: list[Exception] = field(default_factory=list)
    asked: int = 0
    being_asked: threading.Event = field(default_factory=threading.Event)
    landed_before: int | None = None
    closed: bool = False
    concurrency: int = 1

    @property
    def streams(self) -> tuple[Stream, ...]:
        return (replace(THINGS, source=self.name),)

    def check(self) -> None:
        if self.check_error is not None:
            raise self.check_error

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        self.asked += 1
        self.being_asked.set()
        if self.waits_for is not None:
            assert self.waits_for.being_asked.wait(WAIT), "they were read one after the other"
        if self.asks is not None:
            with connect(self.settings) as connection:
                [(self.landed_before,)] = connection.execute(
                    f"select count(*) from raw_{self.asks}.things"
                ).fetchall()
        if self.failures:
            raise self.failures.pop()
        folder.write_records([[thing(f"{self.name}-{n}") for n in range(3)]])
        return folder.extracted(calls=1, cursor="read")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, warehouse_wait_seconds=0)


@pytest.fixture
def shops(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Shop]:
    north, south = Shop("north", settings), Shop("south", settings)
    north.waits_for, south.waits_for = south, north
    shops = {"north": north, "south": south, "later": Shop("later", settings, asks="south")}
    monkeypatch.setattr(run, "open_source", lambda name, settings: shops[name])
    monkeypatch.setattr(run, "claim", lambda system, settings: None)
    with connect(settings) as connection:
        ensure_raw_tables(
            connection, [stream for shop in shops.values() for stream in shop.streams]
        )
    return shops


@pytest.fixture
def reading(settings: Settings, shops: Mapping[str, Shop]) -> Iterator[ReadAhead]:
    with closing(
        ReadAhead(
            {"north": ["things"], "south": ["things"]},
            {"later": ["things"]},
            settings=settings,
            clock=FixedClock(NOON),
            cycle_id="cycle",
            on_progress=lambda _: None,
        )
    ) as reading:
        yield reading


def land(reading: ReadAhead, name: str) -> Sequence[LoadResult]:
    with reading.read(name, ["things"]) as (source, connection):
        return source.land(connection)


def rows(settings: Settings, name: str) -> int:
    with connect(settings) as connection:
        [(count,)] = connection.execute(f"select count(*) from raw_{name}.things").fetchall()
    return int(count)


def test_sources_are_read_side_by_side_and_those_that_ask_about_the_others_after_them(
    settings: Settings, shops: Mapping[str, Shop], reading: ReadAhead
) -> None:
    for name in ("north", "south", "later"):
        [result] = land(reading, name)
        assert (result.received, result.landed) == (3, 3)
    assert shops["later"].landed_before == 3
    assert [shop.asked for shop in shops.values()] == [1, 1, 1]


def test_a_refused_credential_keeps_no_other_source_from_landing(
    settings: Settings, shops: Mapping[str, Shop], reading: ReadAhead
) -> None:
    shops["north"].check_error = CredentialError("refused", next_step="Check NORTH_KEY.")
    shops["south"].waits_for = None
    with pytest.raises(CredentialError, match="NORTH_KEY"):
        land(reading, "north")
    assert shops["north"].asked == 0
    assert land(reading, "south")[0].landed == 3
    assert land(reading, "later")[0].landed == 3


def test_sources_are_read_while_none_is_to_be_landed_yet(
    settings: Settings, shops: Mapping[str, Shop], reading: ReadAhead
) -> None:
    reading.begin()
    assert shops["north"].being_asked.wait(WAIT)
    assert land(reading, "north")[0].landed == 3
    assert land(reading, "south")[0].landed == 3
    assert [shop.asked for shop in shops.values()][:2] == [1, 1]


def test_a_source_that_cannot_be_prepared_fails_where_it_is_landed_and_is_let_go_of(
    shops: Mapping[str, Shop], reading: ReadAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(self: SourceRun, connection: duckdb.DuckDBPyConnection) -> None:
        if self.name == "north":
            raise RetryableError("its books cannot be read", next_step="Look at them.")
        prepared(self, connection)

    prepared = SourceRun.prepare
    monkeypatch.setattr(SourceRun, "prepare", prepare)
    shops["south"].waits_for = None
    reading.begin()
    assert shops["north"].closed
    assert land(reading, "south")[0].landed == 3
    with pytest.raises(RetryableError, match="books"):
        land(reading, "north")
    assert shops["north"].asked == 0


def test_a_warehouse_that_is_held_fails_each_source_where_it_is_landed(
    settings: Settings, shops: Mapping[str, Shop], reading: ReadAhead
) -> None:
    shops["north"].waits_for = shops["south"].waits_for = None
    with connect(settings, read_only=True):  # opened in another way than writers do
        reading.begin()
    assert shops["north"].closed
    with pytest.raises(WarehouseBusyError):
        land(reading, "north")
    assert land(reading, "north")[0].landed == 3, "a second attempt"
    with pytest.raises(WarehouseBusyError):
        land(reading, "south")


def test_a_second_attempt_reads_the_source_anew_and_the_others_once(
    settings: Settings, shops: Mapping[str, Shop], reading: ReadAhead
) -> None:
    shops["north"].failures.append(RetryableError("busy", next_step="Wait."))
    with pytest.raises(StreamsToRetryError, match="busy"):
        land(reading, "north")
    assert land(reading, "south")[0].landed == 3
    assert land(reading, "north")[0].landed == 3
    assert land(reading, "later")[0].landed == 3
    assert [shop.asked for shop in shops.values()] == [2, 1, 1]


def test_a_source_that_comes_out_of_turn_is_read_once(
    settings: Settings, shops: Mapping[str, Shop], reading: ReadAhead
) -> None:
    for name in ("later", "north", "south"):
        assert land(reading, name)[0].landed == 3
    assert shops["later"].landed_before == 0
    assert [shop.asked for shop in shops.values()] == [1, 1, 1]


def test_what_was_read_and_not_landed_is_landed_by_the_next_run(
    settings: Settings, shops: Mapping[str, Shop], reading: ReadAhead
) -> None:
    land(reading, "north")
    reading.close()
    assert (shops["south"].asked, rows(settings, "south")) == (1, 0)
    [result] = run_source("south", settings, FixedClock(NOON), "next")
    assert (result.landed, result.duplicates, rows(settings, "south")) == (3, 3, 3)
