"""A warehouse that was filled again from the zone is the one that was lost; old loads may go."""

from __future__ import annotations

import gzip
import itertools
import json
import random
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import prune as pruning
from connectors import replay as replaying
from connectors.landing import land
from connectors.prune import Pruned, prune
from connectors.raw_tables import LANDING_TABLES, ensure_raw_tables, table_name
from connectors.replay import ReplayFailedError, replay
from connectors.stream import Stream
from connectors.zone import LINES, Kind, Manifest, Zone
from headwater.clock import FixedClock
from headwater.errors import SettingsError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.streams_under_test import (
    HAPPENINGS,
    LINES_OF_A_SHEET,
    LISTED,
    NOON,
    THINGS,
    happening,
    thing,
)

STREAMS = (THINGS, LISTED, HAPPENINGS, LINES_OF_A_SHEET)
STREAMS_BY_SOURCE = {"shop": STREAMS}
LATER = FixedClock(NOON + timedelta(days=400))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(replaying, "STREAMS_BY_SOURCE", STREAMS_BY_SOURCE)
    monkeypatch.setattr(pruning, "STREAMS_BY_SOURCE", STREAMS_BY_SOURCE)
    monkeypatch.setattr(
        replaying, "ensure_raw_tables", lambda connection: ensure_raw_tables(connection, STREAMS)
    )
    return Settings(home=tmp_path / "home", keep_loads_days=30)


def extract(
    settings: Settings,
    stream: Stream,
    day: int,
    records: list[Any],
    tombstones: tuple[dict[str, Any], ...] = (),
    lane: str = "cycle",
) -> tuple[Path, Manifest]:
    """Write a load into the zone."""
    zone = Zone(settings.landing_zone)
    folder = zone.open_load(stream, NOON, lane=lane)
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path = folder.new_part(LINES)
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    folder.seal(path, len(lines))
    folder.write_records([tombstones], Kind.TOMBSTONES)
    received_at = NOON + timedelta(days=day)
    manifest = Manifest(
        load_id=folder.load_id, source=stream.source, stream=stream.name, cycle_id=f"day {day}",
        started_at=received_at, received_at=received_at, cursor_before=None,
        cursor_after=f"day {day}", timezone="Europe/Berlin", calls=1, lane=lane,
        parts=tuple(folder.parts),
    )  # fmt: skip
    zone.commit(folder, manifest)
    return folder.path, manifest


def land_now(settings: Settings, stream: Stream, folder: Path, manifest: Manifest) -> None:
    with connect(settings) as connection:
        ensure_raw_tables(connection, STREAMS)
        land(connection, stream, manifest, folder, FixedClock(manifest.received_at))


def receive(settings: Settings, stream: Stream, *arguments: Any, **options: Any) -> None:
    """Write a load into the zone, and land it as a cycle does."""
    land_now(settings, stream, *extract(settings, stream, *arguments, **options))


def history(settings: Settings) -> None:
    """Six days of changes, deletes, bad records, late rows, drift and a backfill."""
    dice = random.Random(7)
    for day in range(6):
        things = [
            thing(f"t{dice.randrange(20)}", dice.randrange(day * 50 + 9), size=dice.randrange(3))
            for _ in range(15)
        ]
        receive(settings, THINGS, day, [*things, thing("t0", day, size="x"), "{bad", '{"id": 1}'])
        receive(settings, LISTED, day, things, tombstones=({"id": f"t{dice.randrange(20)}"},))
        events = [happening(f"u{dice.randrange(9)}", 1000 + day, late=1) for _ in range(9)]
        receive(settings, HAPPENINGS, day, events)
        rows = [{"row_number": row, "key": f"{row} {day // 2}"} for row in range(2, 9 - day % 3)]
        receive(settings, LINES_OF_A_SHEET, day, rows)
    receive(
        settings, HAPPENINGS, 6, [happening("u1", n, stored=n) for n in range(1000, 1009)],
        lane="backfill-1",
    )  # fmt: skip


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with that history, to copy."""
    home = tmp_path_factory.mktemp("lived")
    history(Settings(home=home))
    return home


@pytest.fixture
def with_history(settings: Settings, lived: Path) -> Settings:
    shutil.copytree(lived, settings.home)
    return settings


def everything(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """All rows and books, but for when the warehouse took them in."""
    tables = {
        f"landing.{name}": "* exclude (landed_at)" if name == "loads" else "*"
        for name in LANDING_TABLES
    }
    tables |= {table_name(stream): "*" for stream in STREAMS}
    with connect(settings, read_only=True) as connection:
        return {
            name: connection.execute(f"select {what} from {name} order by all").fetchall()
            for name, what in tables.items()
        }


@pytest.mark.parametrize("order", list(itertools.permutations(STREAMS))[::5])
def test_rows_and_books_come_out_the_same_in_any_order_of_streams(
    with_history: Settings, monkeypatch: pytest.MonkeyPatch, order: tuple[Stream, ...]
) -> None:
    before = everything(with_history)
    assert all(before[name] for name in before if name != "landing.merges")
    with_history.warehouse.unlink()
    monkeypatch.setattr(replaying, "STREAMS_BY_SOURCE", {"shop": order})
    said: list[str] = []
    results = replay(with_history, LATER, on_progress=said.append)
    assert len(results) == len(said) == 25
    assert everything(with_history) == before
    assert replay(with_history, LATER) == []


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_loads_that_landed_in_another_order_than_they_were_received_replay_in_that_order(
    settings: Settings, stream: Stream
) -> None:
    def both(size: int) -> list[Any]:
        if stream is HAPPENINGS:
            return [happening("u1", 1000), happening("u2", 1000 + size), "{bad"]
        if stream is LINES_OF_A_SHEET:
            return [{"row_number": 2, "key": "a"}, {"row_number": size + 3, "key": "b"}, "{bad"]
        return [thing("a", 5), thing("b", 6, size=size), "{bad"]

    waiting = [extract(settings, stream, day, both(day), lane=f"backfill-{day}") for day in (1, 2)]
    receive(settings, stream, 3, both(3))
    for folder, manifest in waiting[::-1]:
        land_now(settings, stream, folder, manifest)
    receive(settings, stream, 4, both(3))
    before = everything(settings)
    settings.warehouse.unlink()
    assert len(replay(settings, LATER)) == 4
    assert everything(settings) == before


def test_a_replay_goes_on_where_it_was_cut_off(
    with_history: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(with_history)
    with_history.warehouse.unlink()
    taken = 0

    def dies(*arguments: Any) -> Any:
        nonlocal taken
        taken += 1
        if taken == 8:
            raise KeyboardInterrupt
        return land(*arguments)

    monkeypatch.setattr(replaying, "land", dies)
    with pytest.raises(KeyboardInterrupt):
        replay(with_history, LATER)
    monkeypatch.setattr(replaying, "land", land)
    assert len(replay(with_history, LATER)) == 25 - 7
    assert everything(with_history) == before


def test_a_stream_stops_at_a_damaged_load_and_the_others_go_on(with_history: Settings) -> None:
    with_history.warehouse.unlink()
    damaged = Zone(with_history.landing_zone).folder(THINGS) / "shop-things-00000003"
    (damaged / "part-00001.ndjson.gz").unlink()
    with pytest.raises(ReplayFailedError, match=r"shop\.things stopped: shop-things-00000003"):
        replay(with_history, LATER)
    with connect(with_history, read_only=True) as connection:
        landed = connection.execute(
            "select stream, count(*) from landing.loads group by all order by all"
        ).fetchall()
    assert landed == [("happenings", 7), ("lines", 6), ("listed", 6), ("things", 2)]


def test_without_a_zone_there_is_nothing_to_replay(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="There is no landing zone"):
        replay(settings, LATER)


def test_pruning_takes_old_loads_that_a_replay_can_do_without(settings: Settings) -> None:
    for day in range(4):
        receive(settings, THINGS, day, [thing("a"), thing("b", size=1 if day < 2 else "x")])
    receive(settings, LISTED, 0, [thing("a")])
    for _ in range(3):
        receive(settings, LISTED, 380, [thing("a")])
    rows = {name: rows for name, rows in everything(settings).items() if "loads" not in name}
    [things, listed] = prune(settings, LATER)
    assert (things.removed, things.kept) == (1, 3), "the second; the last holds the cursor"
    assert listed == Pruned("shop", "listed", removed=0, bytes=0, kept=1)
    settings.warehouse.unlink()
    replay(settings, LATER)
    again = {name: rows for name, rows in everything(settings).items() if "loads" not in name}
    assert again == rows


def test_pruning_takes_what_a_replay_needs_only_when_told(with_history: Settings) -> None:
    zone = Zone(with_history.landing_zone)
    prune(with_history, LATER)
    assert len(list(zone.manifests(THINGS))) == 6
    lines = prune(with_history, LATER, even_if_needed=True)
    assert all(line.kept == 1 for line in lines), "the newest load holds the cursor"
    assert [manifest.load_id for _, manifest in zone.manifests(THINGS)] == ["shop-things-00000006"]


def test_a_load_that_never_landed_is_not_pruned(settings: Settings) -> None:
    for day in range(3):
        receive(settings, THINGS, day, [thing("a")])
    with connect(settings) as connection:
        connection.execute("delete from landing.loads where load_id = 'shop-things-00000002'")
    [line] = prune(settings, LATER, even_if_needed=True)
    assert (line.removed, line.kept) == (1, 2)


def test_without_the_setting_nothing_is_pruned(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="HEADWATER_KEEP_LOADS_DAYS"):
        prune(Settings(home=tmp_path), LATER)
