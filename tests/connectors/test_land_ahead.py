"""Several sources of one cycle: read side by side, landed as soon as they are read, a few at
a time, nothing read twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from connectors import land_ahead, run
from connectors.land_ahead import LANDED_AT_ONCE, LandAhead
from connectors.raw_tables import ensure_raw_tables
from connectors.run import LoadResult, SourceRun, StreamsToRetryError, run_source
from connectors.stream import Stream
from connectors.zone import Extracted, LoadFolder
from headwater.clock import Clock, FixedClock
from headwater.errors import CredentialError, RetryableError, WarehouseBusyError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.streams_under_test import NOON, THINGS, thing

WAIT = 10.0


def _set() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


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
    checked: threading.Event = field(default_factory=threading.Event)
    may_go_on: threading.Event = field(default_factory=_set)
    closed: bool = False
    concurrency: int = 1

    @property
    def streams(self) -> tuple[Stream, ...]:
        return (replace(THINGS, source=self.name),)

    def check(self) -> None:
        self.checked.set()
        if self.check_error is not None:
            raise self.check_error

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        self.asked += 1
        self.being_asked.set()
        assert self.may_go_on.wait(WAIT)
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
    shops = {
        "north": north,
        "south": south,
        "later": Shop("later", settings, asks="south"),
        "east": Shop("east", settings),
        "west": Shop("west", settings),
    }
    monkeypatch.setattr(run, "open_source", lambda name, settings: shops[name])
    monkeypatch.setattr(run, "claim", lambda system, settings: None)
    with connect(settings) as connection:
        ensure_raw_tables(
            connection, [stream for shop in shops.values() for stream in shop.streams]
        )
    return shops


class Told:
    """What was said on the way, and a wait until something is."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._another = threading.Condition()

    def __call__(self, line: str) -> None:
        with self._another:
            self._lines.append(line)
            self._another.notify_all()

    def waits_for(self, beginning: str) -> bool:
        with self._another:
            return self._another.wait_for(
                lambda: any(line.startswith(beginning) for line in self._lines), WAIT
            )


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def landing(settings: Settings, shops: Mapping[str, Shop], told: Told) -> Iterator[LandAhead]:
    with closing(
        LandAhead(
            {"north": ["things"], "south": ["things"]},
            {"later": ["things"]},
            settings=settings,
            clock=FixedClock(NOON),
            cycle_id="cycle",
            on_progress=told,
        )
    ) as landing:
        yield landing


def land(landing: LandAhead, name: str) -> Sequence[LoadResult]:
    return landing.landed(name, ["things"])


def rows(settings: Settings, name: str) -> int:
    with connect(settings) as connection:
        [(count,)] = connection.execute(f"select count(*) from raw_{name}.things").fetchall()
    return int(count)


def test_sources_are_read_side_by_side_and_those_that_ask_about_the_others_after_them(
    settings: Settings, shops: Mapping[str, Shop], landing: LandAhead
) -> None:
    for name in ("north", "south", "later"):
        [result] = land(landing, name)
        assert (result.received, result.landed) == (3, 3)
    assert shops["later"].landed_before == 3
    assert [shop.asked for shop in shops.values()][:3] == [1, 1, 1]


def test_a_refused_credential_keeps_no_other_source_from_landing(
    settings: Settings, shops: Mapping[str, Shop], landing: LandAhead
) -> None:
    shops["north"].check_error = CredentialError("refused", next_step="Check NORTH_KEY.")
    shops["south"].waits_for = None
    with pytest.raises(CredentialError, match="NORTH_KEY"):
        land(landing, "north")
    assert shops["north"].asked == 0
    assert land(landing, "south")[0].landed == 3
    assert land(landing, "later")[0].landed == 3


def test_sources_land_while_nobody_waits_for_them(
    settings: Settings, shops: Mapping[str, Shop], landing: LandAhead, told: Told
) -> None:
    landing.begin()
    assert told.waits_for("north.things: received 3, landed 3")
    assert told.waits_for("south.things: received 3, landed 3")
    assert (rows(settings, "north"), rows(settings, "south")) == (3, 3)
    assert land(landing, "north")[0].landed == 3
    assert land(landing, "south")[0].landed == 3
    assert [shop.asked for shop in shops.values()][:2] == [1, 1]


def test_no_more_sources_at_a_time_are_landed_than_may(
    settings: Settings, shops: Mapping[str, Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    may, both = threading.Semaphore(LANDED_AT_ONCE), threading.Barrier(LANDED_AT_ONCE)
    turns: list[str] = []

    def among_few(self: SourceRun, connection: duckdb.DuckDBPyConnection) -> list[LoadResult]:
        assert may.acquire(blocking=False), "more of them were in the warehouse at once"
        try:
            both.wait(WAIT)
            turns.append(self.name)
            return landed(self, connection)
        finally:
            may.release()

    landed = SourceRun.land
    monkeypatch.setattr(SourceRun, "land", among_few)
    for name in ("north", "south"):
        shops[name].waits_for = None
    names = ["north", "south", "east", "west"]
    with closing(
        LandAhead(
            {name: ["things"] for name in names},
            {},
            settings=settings,
            clock=FixedClock(NOON),
            cycle_id="cycle",
            on_progress=lambda _: None,
        )
    ) as landing:
        for name in names:
            assert land(landing, name)[0].landed == 3
    assert sorted(turns) == sorted(names)


def test_loads_that_land_at_once_lose_nothing(
    settings: Settings, shops: Mapping[str, Shop]
) -> None:
    for round_ in range(6):
        with closing(
            LandAhead(
                {name: ["things"] for name in shops},
                {},
                settings=settings,
                clock=FixedClock(NOON + timedelta(minutes=round_)),
                cycle_id=f"cycle {round_}",
                on_progress=lambda _: None,
            )
        ) as landing:
            for name in shops:
                [result] = land(landing, name)
                assert result.received == 3
    with connect(settings) as connection:
        books = connection.execute(
            "select source, count(*), sum(received), sum(landed + duplicates) "
            "from landing.loads group by source order by source"
        ).fetchall()
        cursors = connection.execute("select source, cursor from landing.cursors").fetchall()
    assert books == [(name, 6, 18, 18) for name in sorted(shops)]
    assert sorted(cursors) == [(name, "read") for name in sorted(shops)]
    assert [rows(settings, name) for name in shops] == [3] * len(shops)


def test_a_source_that_cannot_be_prepared_fails_where_it_is_landed_and_is_let_go_of(
    shops: Mapping[str, Shop], landing: LandAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(self: SourceRun, connection: duckdb.DuckDBPyConnection) -> None:
        if self.name == "north":
            raise RetryableError("its books cannot be read", next_step="Look at them.")
        prepared(self, connection)

    prepared = SourceRun.prepare
    monkeypatch.setattr(SourceRun, "prepare", prepare)
    shops["south"].waits_for = None
    assert land(landing, "south")[0].landed == 3
    with pytest.raises(RetryableError, match="books"):
        land(landing, "north")
    assert shops["north"].asked == 0
    assert shops["north"].closed


def test_a_warehouse_that_is_held_fails_each_source_where_it_is_landed(
    settings: Settings, shops: Mapping[str, Shop], landing: LandAhead
) -> None:
    shops["north"].waits_for = shops["south"].waits_for = None
    with connect(settings, read_only=True):  # opened in another way than writers do
        for name in ("north", "south"):
            with pytest.raises(WarehouseBusyError):
                land(landing, name)
            assert shops[name].closed
    assert land(landing, "north")[0].landed == 3, "a second attempt"


def test_sources_that_wait_for_a_held_warehouse_wait_once_for_all(
    settings: Settings,
    shops: Mapping[str, Shop],
    landing: LandAhead,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = []
    shops["north"].waits_for = shops["south"].waits_for = None

    def held(_: Settings) -> None:
        tries.append(1)
        assert shops["south"].checked.wait(WAIT)
        assert shops["north"].checked.wait(WAIT)
        time.sleep(0.1)  # both wait for their turn by now
        raise WarehouseBusyError("held", next_step="Wait.")

    monkeypatch.setattr(land_ahead, "connect", held)
    for name in ("north", "south"):
        with pytest.raises(WarehouseBusyError):
            land(landing, name)
    assert len(tries) == 2, "one for both, one for the source that comes after them"


def test_a_second_attempt_reads_the_source_anew_and_the_others_once(
    settings: Settings, shops: Mapping[str, Shop], landing: LandAhead
) -> None:
    shops["north"].failures.append(RetryableError("busy", next_step="Wait."))
    with pytest.raises(StreamsToRetryError, match="busy"):
        land(landing, "north")
    assert land(landing, "south")[0].landed == 3
    assert land(landing, "north")[0].landed == 3
    assert land(landing, "later")[0].landed == 3
    assert [shop.asked for shop in shops.values()][:3] == [2, 1, 1]


def test_a_source_that_comes_out_of_turn_is_read_once(
    settings: Settings, shops: Mapping[str, Shop], landing: LandAhead
) -> None:
    for name in ("later", "north", "south"):
        assert land(landing, name)[0].landed == 3
    assert [shop.asked for shop in shops.values()][:3] == [1, 1, 1]


def test_what_was_read_and_not_asked_for_is_landed_by_the_next_run(
    settings: Settings, shops: Mapping[str, Shop], landing: LandAhead
) -> None:
    land(landing, "north")
    land(landing, "south")
    landing.close()
    assert (shops["later"].asked, rows(settings, "later")) == (1, 0)
    [result] = run_source("later", settings, FixedClock(NOON), "next")
    assert (result.landed, result.duplicates, rows(settings, "later")) == (3, 3, 3)


def test_what_was_not_begun_is_not_begun_once_it_is_closed(
    settings: Settings, shops: Mapping[str, Shop]
) -> None:
    shops["north"].waits_for = shops["south"].waits_for = None
    shops["north"].may_go_on.clear()
    shops["south"].may_go_on = shops["north"].may_go_on
    shops["south"].being_asked = shops["north"].being_asked
    landing = LandAhead(
        {"north": ["things"], "south": ["things"]},
        {},
        settings=settings.model_copy(update={"sources_at_a_time": 1}),
        clock=FixedClock(NOON),
        cycle_id="cycle",
        on_progress=lambda _: None,
    )
    landing.begin()
    assert shops["north"].being_asked.wait(WAIT)
    closing_it = threading.Thread(target=landing.close)
    closing_it.start()
    assert landing._closed.wait(WAIT)
    shops["north"].may_go_on.set()
    closing_it.join(WAIT)
    assert sum(shop.asked for shop in shops.values()) == 1
    assert rows(settings, "north") == rows(settings, "south") == 0
