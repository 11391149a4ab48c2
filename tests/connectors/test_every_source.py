"""What holds for each source: its README tells every stream, and the calls of a day end."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import connectors
from connectors.registry import STREAMS_BY_SOURCE, open_source
from headwater.errors import QuotaExhaustedError
from headwater.settings import Settings
from sandbox import settings_file
from tests.connectors.conftest import Served

COLUMNS = ["object", "mode", "cursor", "key", "deletes", "limits", "notes"]
LOGINS = ("oauth", "login", "token")
NO_HTTP = {"product"}
"""PostgreSQL: a connection, no calls."""


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


@pytest.mark.parametrize("source", STREAMS_BY_SOURCE)
def test_the_readme_of_a_source_tells_every_stream(source: str) -> None:
    text = (Path(connectors.__file__).parent / source / "README.md").read_text(encoding="utf-8")
    header, *rows = [cells(line) for line in text.splitlines() if line.startswith("| ")]
    assert header == COLUMNS
    told = {
        name: dict(zip(COLUMNS, row, strict=True))
        for row in rows
        for name in re.findall(r"\w+", row[0])
    }
    assert {stream.name: stream.mode.value for stream in STREAMS_BY_SOURCE[source]} == {
        name: row["mode"] for name, row in told.items()
    }
    unsaid = [
        (name, column)
        for name, row in told.items()
        for column in COLUMNS
        if column != "notes" and not row[column]
    ]
    assert not unsaid
    assert "**Least rights**" in text


@pytest.mark.parametrize("source", sorted(STREAMS_BY_SOURCE.keys() - NO_HTTP))
def test_a_day_without_calls_lets_none_out(
    source: str, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX_PORT", str(urlsplit(served.url).port))
    (served.home / "event_files").mkdir(exist_ok=True)
    for name, value in settings_file.environment(served.home).items():
        if not name.startswith("HEADWATER_"):
            monkeypatch.setenv(name, value)
    opened = open_source(source, Settings(home=tmp_path / "var", daily_calls={source: 0}))
    with pytest.raises(QuotaExhaustedError, match=f"{source}: the 0 calls"):
        opened.check()
    opened.close()
    made = [call["route"] for call in served.calls.as_list()]
    assert [route for route in made if not any(word in route for word in LOGINS)] == []
