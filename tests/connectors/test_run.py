"""A source's run: checked first, siblings independent, a crash at any step made good."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from connectors import run
from connectors.run import StreamsFailedError, StreamsToRetryError, run_source
from connectors.stream import Stream
from connectors.zone import MANIFEST, Extracted, LoadFolder, Zone
from headwater.clock import Clock, FixedClock
from headwater.errors import CredentialError, DefinitionError, RetryableError, SourceDataError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.streams_under_test import HAPPENINGS, NOON, THINGS, happening, thing


@dataclass
class ShopSource:
    """A source whose records and failures a test decides."""

    records: dict[str, list[dict[str, Any]]]
    failures: dict[str, Exception] = field(default_factory=dict)
    check_error: Exception | None = None
    name: str = "shop"
    streams: tuple[Stream, ...] = (THINGS, HAPPENINGS)
    concurrency: int = 2
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    is_closed: bool = False
    together: Callable[[], object] = lambda: None

    def check(self) -> None:
        if self.check_error is not None:
            raise self.check_error

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        self.asked.append((stream.name, cursor))
        self.together()
        folder.write_records([self.records[stream.name]])
        if stream.name in self.failures:
            raise self.failures[stream.name]
        return folder.extracted(calls=1, cursor=f"after {len(self.asked)}")

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> ShopSource:
    shop = ShopSource({"things": [thing("a"), thing("b")], "happenings": [happening("u", 1000)]})
    monkeypatch.setattr(run, "open_source", lambda name, settings: shop)
    # The shop has no settings that could name an account.
    monkeypatch.setattr(run, "claim", lambda system, settings: None)
    return shop


@pytest.fixture
def run_shop(settings: Settings, source: ShopSource) -> Callable[..., list[run.LoadResult]]:
    # The raw tables of the real streams are made too; those of the shop come from here.
    with connect(settings) as connection:
        run.ensure_raw_tables(connection, source.streams)
    return lambda **options: run_source("shop", settings, FixedClock(NOON), "cycle", **options)


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_each_stream_lands_and_moves_its_cursor(
    settings: Settings, source: ShopSource, run_shop: Callable[..., list[run.LoadResult]]
) -> None:
    said: list[str] = []
    first = run_shop(on_progress=said.append)
    assert [(result.stream, result.landed) for result in first] == [
        ("things", 2),
        ("happenings", 1),
    ]
    assert len(said) == 2
    assert source.is_closed
    second = run_shop()
    assert [(result.landed, result.duplicates) for result in second] == [(0, 2), (0, 1)]
    cursors = dict(source.asked[2:])
    assert set(cursors.values()) <= {"after 1", "after 2"}
    assert rows(settings, "select count(*) from landing.loads") == [(4,)]


@pytest.mark.parametrize("at_a_time", [1, 2])
def test_as_many_streams_are_read_at_a_time_as_the_vendor_allows(
    source: ShopSource, run_shop: Callable[..., list[run.LoadResult]], at_a_time: int
) -> None:
    source.concurrency = at_a_time
    meeting = threading.Barrier(2)

    def meet() -> None:
        with suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=10 if at_a_time == 2 else 0.1)

    source.together = meet
    run_shop()
    assert meeting.broken == (at_a_time == 1)


def test_a_wrong_credential_is_said_before_anything_is_touched(
    settings: Settings, source: ShopSource
) -> None:
    source.check_error = CredentialError("refused", next_step="Check SHOP_KEY.")
    with pytest.raises(CredentialError, match="SHOP_KEY"):
        run_source("shop", settings, FixedClock(NOON), "cycle")
    assert not settings.warehouse.exists()
    assert not settings.landing_zone.exists()
    assert source.is_closed


def test_a_failed_stream_does_not_stop_its_sibling(
    settings: Settings, source: ShopSource, run_shop: Callable[..., list[run.LoadResult]]
) -> None:
    source.failures["things"] = RetryableError("cut off")
    with pytest.raises(StreamsToRetryError, match=r"shop.things failed: cut off") as caught:
        run_shop()
    assert [result.stream for result in caught.value.results] == ["happenings"]
    assert rows(settings, "select stream from landing.loads") == [("happenings",)]
    source.failures["things"] = SourceDataError("nonsense")
    with pytest.raises(StreamsFailedError, match="nonsense"):
        run_shop()
    source.failures.clear()
    assert [result.landed for result in run_shop()] == [2, 0]
    abandoned = [p for p in Zone(settings.landing_zone).folder(THINGS).iterdir() if p.is_dir()]
    assert len(abandoned) == 1, "what failed extractions left behind was swept"


def test_a_load_that_was_extracted_but_not_landed_is_landed_first(
    settings: Settings,
    source: ShopSource,
    run_shop: Callable[..., list[run.LoadResult]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real_land = run.land

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "land", dies)
    with pytest.raises(KeyboardInterrupt):
        run_shop(streams=["things"])
    assert rows(settings, "select count(*) from raw_shop.things") == [(0,)]
    monkeypatch.setattr(run, "land", real_land)
    source.records["things"] = [thing("b", 5), thing("c")]
    [result] = run_shop(streams=["things"])
    assert (result.received, result.landed, result.calls) == (4, 4, 2)
    assert source.asked == [("things", None), ("things", "after 1")]
    assert rows(settings, "select id from raw_shop.things order by id") == [("a",), ("b",), ("c",)]


def test_an_extraction_that_died_is_swept_and_read_again(
    settings: Settings, source: ShopSource, run_shop: Callable[..., list[run.LoadResult]]
) -> None:
    run_shop()
    zone = Zone(settings.landing_zone)
    torn = zone.open_load(THINGS, NOON)
    torn.write_records([[thing("z")]])
    run_shop()
    manifests = [manifest.load_id for _, manifest in zone.manifests(THINGS)]
    assert manifests == ["shop-things-00000001", "shop-things-00000002"]
    assert all(
        (path / MANIFEST).exists() for path in zone.folder(THINGS).iterdir() if path.is_dir()
    )
    assert rows(settings, "select count(*) from raw_shop.things where id = 'z'") == [(0,)]


def test_an_empty_warehouse_is_filled_again_from_the_zone(
    settings: Settings, source: ShopSource, run_shop: Callable[..., list[run.LoadResult]]
) -> None:
    run_shop()
    source.records["things"] = [thing("a", 3), thing("d")]
    run_shop()
    everything = "select * exclude (_landed_at) from raw_shop.things order by id"
    before = rows(settings, everything)
    settings.warehouse.unlink()
    with connect(settings) as connection:
        run.ensure_raw_tables(connection, source.streams)
    source.records["things"] = []
    run_shop()
    assert rows(settings, everything) == before


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_part_that_was_damaged_before_it_landed_is_refused(
    settings: Settings,
    source: ShopSource,
    run_shop: Callable[..., list[run.LoadResult]],
    damage: str,
) -> None:
    run_shop()
    [(folder, manifest)] = Zone(settings.landing_zone).manifests(THINGS)
    part = folder / manifest.parts[0].file
    whole = part.read_bytes()
    settings.warehouse.unlink()
    with connect(settings) as connection:
        run.ensure_raw_tables(connection, source.streams)
    if damage == "changed":  # as many records as before, so only the digest can tell
        part.write_bytes(gzip.compress(gzip.decompress(whole).replace(b'"a"', b'"x"')))
    else:
        part.unlink()
    with pytest.raises(StreamsFailedError, match=r"shop-things-00000001: part-00001\S* is"):
        run_shop()
    assert rows(settings, "select stream from landing.loads group by all") == [("happenings",)]
    part.write_bytes(whole)
    run_shop()
    assert rows(settings, "select id from raw_shop.things order by id") == [("a",), ("b",)]


def test_an_unknown_stream_is_named(run_shop: Callable[..., list[run.LoadResult]]) -> None:
    with pytest.raises(DefinitionError, match=r"shop has no stream stuff\. Known: things, happen"):
        run_shop(streams=["stuff"])


def test_two_processes_do_not_extract_the_same_stream(
    settings: Settings, run_shop: Callable[..., list[run.LoadResult]]
) -> None:
    def hold() -> Iterator[None]:
        with Zone(settings.landing_zone).hold(THINGS):
            yield

    holding = hold()
    next(holding)
    with pytest.raises(StreamsToRetryError, match="being extracted by another process") as caught:
        run_shop()
    assert [result.stream for result in caught.value.results] == ["happenings"]
    holding.close()
    assert len(run_shop()) == 2
