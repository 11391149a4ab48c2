"""Erasing people from the zone and the raw tables, against the same company without them."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import connectors.erase_raw
from connectors import erase_load as erasing
from connectors import replay as replaying
from connectors.landing import land
from connectors.raw_tables import ensure_raw_tables
from connectors.replay import replay
from connectors.zone import Zone, verify
from headwater import erasures
from headwater.errors import RetryableError, SourceDataError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.company_with_ann import (
    ANNS_MAIL,
    CLOCK,
    EVENTS,
    PEOPLE,
    STREAMS,
    company,
    content,
    erase,
    is_without_ann,
    landed,
    texts,
    write,
)
from tests.connectors.streams_under_test import NOON
from tests.killed_at_steps import killed_at_steps


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Settings], Settings]]:
    """Land a zone in an empty warehouse."""
    monkeypatch.setattr(replaying, "STREAMS_BY_SOURCE", {"crm": STREAMS})
    monkeypatch.setattr(
        replaying, "ensure_raw_tables", lambda connection: ensure_raw_tables(connection, STREAMS)
    )

    def again(settings: Settings) -> Settings:
        empty = settings.model_copy(update={"warehouse_path": settings.home / "other.duckdb"})
        replay(empty, CLOCK)
        return empty

    yield again


@pytest.mark.parametrize("seed", range(2))
def test_what_is_left_is_the_company_without_the_person(
    seed: int, tmp_path: Path, replays: Callable[[Settings], Settings]
) -> None:
    everything, without = company(seed)
    settings = landed(tmp_path / "erased", everything)
    expected = content(landed(tmp_path / "without", without))
    assert not is_without_ann(texts(settings))
    erase(settings)
    assert is_without_ann(texts(settings))
    assert content(settings) == expected
    replayed = replays(settings)
    assert content(replayed) == expected
    with connect(replayed, read_only=True) as connection:
        lost = sum(len(full) - len(kept) for (_, full), (_, kept) in
                   zip(everything, without, strict=True))  # fmt: skip
        assert connection.execute(
            "select sum(erased), bool_and(received = landed + duplicates + quarantined + erased) "
            "from landing.loads"
        ).fetchall() == [(lost, True)]
    erase(settings)  # once more changes nothing
    assert content(settings) == expected


def test_kill_9_at_any_moment_leaves_whole_loads_and_is_healed_by_asking_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything, without = company(2)
    expected = content(landed(tmp_path / "without", without))
    settings = landed(tmp_path / "erased", everything)
    steps: list[tuple[Any, str]] = [
        *((place, "write_durably") for place in (erasing, erasures)),
        *((place, "sync_folder") for place in (erasing, erasures)),
        (erasing, "digest"),
        (Path, "replace"),
        (Path, "unlink"),
        (shutil, "rmtree"),
        (connectors.erase_raw, "_merges"),  # its transaction is open
    ]

    def every_load_is_whole() -> None:
        for one in STREAMS:
            for folder, manifest in Zone(settings.landing_zone).manifests(one):
                verify(folder, manifest)

    kills = killed_at_steps(monkeypatch, steps, lambda: erase(settings), every_load_is_whole)
    assert kills > 8
    assert content(settings) == expected
    assert is_without_ann(texts(settings))


def test_a_damaged_part_is_named_and_not_given_a_digest_that_fits(tmp_path: Path) -> None:
    settings = landed(tmp_path, company(3)[0])
    [(folder, _), *_] = Zone(settings.landing_zone).manifests(PEOPLE)
    path = folder / "part-00001.ndjson.gz"
    whole = path.read_bytes()

    def damage(file: Path) -> None:
        lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
        file.write_bytes(gzip.compress(b"".join([*lines[:1], *lines[2:]])))

    damage(path)
    with pytest.raises(SourceDataError, match=r"people-00000001: part-00001"):
        erase(settings)
    path.unlink()
    with pytest.raises(SourceDataError, match="is missing"):
        erase(settings)
    path.write_bytes(whole)
    erase(settings)
    later = {"properties": {"email": ANNS_MAIL}, "changed": NOON.isoformat()}
    folder, manifest = write(settings, 300, PEOPLE, [{"id": f"new-{n}", **later} for n in range(3)])
    damage(folder / "part-00001.ndjson.gz")
    with connect(settings) as connection, pytest.raises(SourceDataError, match="part-00001"):
        land(connection, PEOPLE, manifest, folder, CLOCK)


def test_nothing_may_be_extracted_meanwhile(tmp_path: Path) -> None:
    settings = landed(tmp_path, company(3)[0])
    zone = Zone(settings.landing_zone)
    cut_off = zone.open_load(EVENTS, NOON)
    with zone.hold(EVENTS, "backfill-1"), pytest.raises(RetryableError, match=r"crm\.events"):
        erase(settings)
    erase(settings)
    assert not cut_off.path.exists()
