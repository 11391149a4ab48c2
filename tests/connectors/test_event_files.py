"""Files of events, read from a folder."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors.run import LoadResult, run_source
from headwater.clock import FixedClock
from headwater.errors import SettingsError
from headwater.settings import Settings
from headwater.warehouse import connect
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)
NOON = datetime(2025, 8, 28, 12, tzinfo=UTC)


def message(number: int, *, at: datetime = NOON, **fields: Any) -> dict[str, Any]:
    """A page view of Segment's spec."""
    return {
        "messageId": f"m-{number}",
        "type": "page",
        "anonymousId": "a-1",
        "timestamp": at.isoformat(),
        "receivedAt": (at + timedelta(seconds=2)).isoformat(),
        **fields,
    }


def lines(messages: Iterable[dict[str, Any] | str]) -> bytes:
    return "".join(
        f"{item if isinstance(item, str) else json.dumps(item)}\n" for item in messages
    ).encode()


class Folder:
    """A folder of event files; each write is a second later than the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.mkdir()
        self._time = NOON

    def write(self, name: str, content: bytes, at: datetime | None = None) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        self._time += timedelta(seconds=1)
        moment = (at or self._time).timestamp()
        os.utime(file, (moment, moment))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    made = Folder(tmp_path / "events")
    monkeypatch.setenv("EVENT_FILES_LOCATION", made.path.as_uri())
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var")


def run(settings: Settings) -> LoadResult:
    [result] = run_source("event_files", settings, FixedClock(AS_OF), "cycle")
    assert result.received == result.landed + result.duplicates + result.quarantined
    return result


def rows(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_plain_gzip_and_zstd_files_of_all_folders_are_read_once(
    folder: Folder, settings: Settings
) -> None:
    folder.write("a.ndjson", lines([message(1), message(2)]))
    folder.write("2025/08/28/b.json.gz", gzip.compress(lines([message(3)])))
    folder.write(
        "2025/08/28/c.jsonl.zst", pa.Codec("zstd").compress(lines([message(4)])).to_pybytes()
    )
    folder.write("_temporary/d.json", lines([message(5)]))
    folder.write("readme.txt", b"not for us")
    first = run(settings)
    assert (first.received, first.landed) == (4, 4)
    assert rows(
        settings, "select message_id, source_file from raw_event_files.events order by 1"
    ) == [
        ("m-1", "a.ndjson"),
        ("m-2", "a.ndjson"),
        ("m-3", "2025/08/28/b.json.gz"),
        ("m-4", "2025/08/28/c.jsonl.zst"),
    ]
    assert run(settings).received == 0
    folder.write("e.json", lines([message(6)]))
    assert (run(settings).received, run(settings).received) == (1, 0)
