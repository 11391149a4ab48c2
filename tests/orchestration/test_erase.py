"""The whole erasure under ``kill -9``: deletions at vendors are queued before anything goes."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.hubspot.streams import STREAMS
from connectors.landing import land
from connectors.raw_tables import ensure_raw_tables
from connectors.zone import Zone, verify
from headwater.clock import FixedClock
from headwater.erasures import erasures
from headwater.settings import Settings
from headwater.warehouse import connect
from orchestration import erase as erasing
from tests.connectors.company_with_ann import write
from tests.connectors.streams_under_test import NOON
from tests.killed_at_steps import killed_at_steps

[CONTACTS] = [stream for stream in STREAMS if stream.name == "contacts"]
CLOCK = FixedClock(NOON + timedelta(days=1))
ANN = "ann.lee@x.io"


def contact(number: int, email: str) -> dict[str, Any]:
    at = NOON.isoformat()
    properties = {"email": email, "firstname": "A"}
    return {
        "id": f"{number}", "properties": properties, "archived": False, "createdAt": at,
        "updatedAt": at,
    }  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with the contacts of two people, and no models."""
    monkeypatch.setattr(erasing, "all_streams", lambda: (CONTACTS,))
    monkeypatch.setattr(erasing, "ensure_raw_tables", lambda c: ensure_raw_tables(c, (CONTACTS,)))
    monkeypatch.setattr(erasing, "_rebuild", lambda *_: [])  # there is nothing to build
    settings = Settings(home=tmp_path / "home")
    with connect(settings) as connection:
        ensure_raw_tables(connection, (CONTACTS,))
        rows = [contact(501, ANN), contact(502, "bob@x.io"), contact(503, ANN.upper())]
        folder, manifest = write(settings, 0, CONTACTS, rows)
        assert land(connection, CONTACTS, manifest, folder, CLOCK) is not None
    return settings


def test_killed_anywhere_the_queue_is_whole_before_a_record_goes_and_asking_again_ends_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held() -> list[str]:
        with connect(settings, read_only=True) as connection:
            found = connection.execute("select id from raw_hubspot.contacts order by id")
            return [row[0] for row in found.fetchall()]

    zone = settings.landing_zone
    before = {path.name for path in zone.rglob("part-*")}

    def the_queue_is_whole() -> None:
        for folder, manifest in Zone(zone).manifests(CONTACTS):
            verify(folder, manifest)
        queued = [d.record_id for erasure in erasures(zone) for d in erasure.owed]
        changed = held() != ["501", "502", "503"] or before - {p.name for p in zone.rglob("part-*")}
        assert queued == ["501", "503"] or (not queued and not changed)

    steps = [
        (os, "fsync"),
        (Path, "replace"),
        (Path, "unlink"),
        (erasing, "records_of"),
        (erasing, "find_in_warehouse"),
    ]
    kills = killed_at_steps(
        monkeypatch, steps, lambda: erasing.erase(settings, CLOCK, ANN), the_queue_is_whole
    )
    assert kills > 8
    [erasure] = erasures(zone)
    assert erasure.finished_at is not None and held() == ["502"]
    files = [path for path in settings.home.rglob("*") if path.is_file()]
    assert not any(ANN.encode() in path.read_bytes().lower() for path in files)
