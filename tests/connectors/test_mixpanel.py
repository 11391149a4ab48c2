"""The Mixpanel connector against the local Mixpanel and its misbehaviour."""

from __future__ import annotations

import gzip
import io
import json
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from connectors.mixpanel.client import DAYS_PER_CALL, MixpanelSource, StreamCheck, day_ranges
from connectors.mixpanel.streams import EVENTS
from connectors.run import StreamsFailedError, run_source
from headwater.clock import FixedClock
from headwater.errors import CredentialError, RetryableError, VendorUnavailableError
from headwater.settings import Settings
from headwater.system_settings import MixpanelSettings
from headwater.warehouse import connect
from tests.connectors.conftest import Served

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)


def event(actor: str, at: datetime, number: int = 0) -> dict[str, Any]:
    return {
        "event": "Page Viewed",
        "properties": {
            "time": int(at.timestamp()),
            "distinct_id": actor,
            "$insert_id": f"i{number}",
            "mp_processing_time_ms": int(at.timestamp() * 1000),
            "$os": "Linux",
        },
    }


@pytest.fixture
def environment(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    known = served.credentials["mixpanel"]
    monkeypatch.setenv("MIXPANEL_SERVICE_ACCOUNT_USERNAME", known["username"])
    monkeypatch.setenv("MIXPANEL_SERVICE_ACCOUNT_SECRET", known["secret"])
    monkeypatch.setenv("MIXPANEL_PROJECT_ID", str(known["project_ids"][0]))
    monkeypatch.setenv("MIXPANEL_EXPORT_BASE_URL", f"{served.url}/mixpanel")
    return served


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var", history_start=date(2025, 8, 1), http_retries=2)


def run(settings: Settings, as_of: datetime = AS_OF) -> Any:
    [result] = run_source("mixpanel", settings, FixedClock(as_of), "cycle")
    return result


def count(settings: Settings) -> int:
    with connect(settings, read_only=True) as connection:
        row = connection.execute("select count(*) from raw_mixpanel.events").fetchone()
    assert row is not None
    return int(row[0])


def test_history_and_then_the_days_that_late_events_may_change(
    environment: Served, settings: Settings
) -> None:
    store = environment.stores["mixpanel"]
    days = [AS_OF - timedelta(days=age) for age in (20, 6, 3, 0)]
    store.seed("events", [event("u", at, number) for number, at in enumerate(days)])
    first = run(settings)
    assert (first.received, first.landed, first.cursor) == (4, 4, "2025-08-29")
    store.seed("events", [event("late", days[2], 9), event("too late", days[0], 8)])
    second = run(settings)
    assert (second.received, second.landed, second.duplicates) == (3, 1, 2)
    with connect(settings, read_only=True) as connection:
        late = "select event_at from raw_mixpanel.events where distinct_id = 'late'"
        assert connection.execute(late).fetchall() == [(days[2].replace(tzinfo=None),)]
        assert connection.execute("select field, seen from landing.drift").fetchall() == [
            ("properties.$os", 5)
        ]


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("terminated_early", {"lines": 2}),
        ("truncate", {"bytes": 40}),
        ("truncate", {"bytes": 40, "clean": True}),
        ("status", {"status": 503}),
        ("reset", {}),
    ],
)
def test_a_stream_that_was_cut_off_is_read_again_as_a_whole(
    environment: Served, settings: Settings, kind: str, params: dict[str, Any]
) -> None:
    hours = [AS_OF - timedelta(hours=hour) for hour in range(9)]
    environment.stores["mixpanel"].seed("events", [event("u", at) for at in hours])
    source = MixpanelSource(settings, MixpanelSettings())
    source.check()
    environment.fault("mixpanel", "export", kind, **params)
    result = run_source_checked(source, settings)
    assert (result, count(settings)) == (9, 9)


def test_days_that_were_read_are_not_asked_for_again(
    environment: Served, settings: Settings
) -> None:
    environment.stores["mixpanel"].seed(
        "events", [event("u", AS_OF - timedelta(days=age), age) for age in (0, 50, 150)]
    )
    halves = settings.model_copy(update={"history_start": date(2025, 3, 15)})
    today, tomorrow = AS_OF, AS_OF + timedelta(days=1)
    two_calls = halves.model_copy(update={"daily_calls": {"mixpanel": 2}})
    with pytest.raises(StreamsFailedError, match="the 2 calls"):
        run(two_calls.model_copy(update={"as_of": today}), today)
    assert environment.calls.total("mixpanel") == 2, "the check, and the first half"
    rest = run(two_calls.model_copy(update={"as_of": tomorrow}), tomorrow)
    assert environment.calls.total("mixpanel") == 4, "the check, and the second half only"
    assert (rest.received, rest.landed, rest.cursor) == (3, 3, "2025-08-29")


def test_an_event_without_a_user_waits_in_quarantine(
    environment: Served, settings: Settings
) -> None:
    nobody = event("", AS_OF, 1)
    del nobody["properties"]["distinct_id"]
    environment.stores["mixpanel"].seed("events", [event("u", AS_OF), nobody])
    result = run(settings)
    assert (result.landed, result.quarantined, result.open_quarantine) == (1, 1, 1)
    with connect(settings, read_only=True) as connection:
        [(reason, record)] = connection.execute(
            "select reason, record from landing.quarantine"
        ).fetchall()
    assert reason == "column distinct_id (properties.distinct_id): missing, but required"
    assert json.loads(record)["properties"]["$insert_id"] == "i1"


def run_source_checked(source: MixpanelSource, settings: Settings) -> int:
    """Run with a source whose check has passed, so that a fault meets the export itself."""
    source.check = lambda: None  # type: ignore[method-assign]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connectors.run.open_source", lambda name, settings: source)
        return int(run(settings).landed)


def test_a_stream_that_is_always_cut_off_lands_nothing(
    environment: Served, settings: Settings
) -> None:
    environment.stores["mixpanel"].seed("events", [event("u", AS_OF, n) for n in range(5)])
    source = MixpanelSource(settings, MixpanelSettings())
    environment.fault("mixpanel", "export", "terminated_early", times=None, lines=2)
    with pytest.raises(RetryableError, match="terminated it early"):
        run_source_checked(source, settings)
    assert count(settings) == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("MIXPANEL_SERVICE_ACCOUNT_SECRET", "wrong-secret"),
        ("MIXPANEL_PROJECT_ID", "12345"),
    ],
)
def test_a_wrong_credential_names_its_setting_and_keeps_its_value(
    environment: Served,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
) -> None:
    monkeypatch.setenv(setting, value)
    with pytest.raises(CredentialError, match=setting) as caught:
        run(settings)
    assert "wrong-secret" not in str(caught.value)
    assert not settings.home.exists()


def test_history_takes_few_calls() -> None:
    ranges = list(day_ranges(date(2024, 1, 1), date(2025, 8, 29)))
    assert len(ranges) == -(-607 // DAYS_PER_CALL)
    assert ranges[0][0] == date(2024, 1, 1)
    assert ranges[-1][1] == date(2025, 8, 29)
    assert all(later[0] - earlier[1] == timedelta(days=1) for earlier, later in pairwise(ranges))


LINES = [json.dumps(event("u", AS_OF, number)).encode() + b"\n" for number in range(50)]


def passed(check: StreamCheck, data: bytes, *, packed: bool, chunk: int = 64) -> bytes:
    file = io.BytesIO()
    chunks = (data[start : start + chunk] for start in range(0, len(data), chunk))
    (check.pass_packed if packed else check.pass_plain)(chunks, file)
    return gzip.decompress(file.getvalue())


def test_several_gzip_members_are_one_stream() -> None:
    check = StreamCheck("export")
    data = b"".join(gzip.compress(b"".join(LINES[n : n + 10])) for n in range(0, 50, 10))
    assert passed(check, data, packed=True) == b"".join(LINES)
    assert check.lines == 50


@pytest.mark.parametrize("cut", [1, 5, 9, 200, 600])
def test_a_cut_gzip_stream_is_noticed(cut: int) -> None:
    data = gzip.compress(b"".join(LINES[:25])) + gzip.compress(b"".join(LINES[25:]))
    with pytest.raises(VendorUnavailableError):
        passed(StreamCheck("export"), data[:-cut], packed=True)


def test_a_cut_plain_stream_is_noticed_and_a_whole_one_passes() -> None:
    data = b"".join(LINES)
    for whole in (data, data[:-1]):
        check = StreamCheck("export")
        assert passed(check, whole, packed=False) == whole
        assert check.lines == 50
    for cut in (2, 3, 40):  # the first leaves a line that ends in a brace
        with pytest.raises(VendorUnavailableError, match="middle of a line"):
            passed(StreamCheck("export"), data[:-cut], packed=False)


@pytest.mark.parametrize("end", [b"terminated early", b"terminated early\n"])
@pytest.mark.parametrize("packed", [True, False])
def test_the_words_of_a_terminated_export_are_noticed(end: bytes, packed: bool) -> None:
    data = b"".join(LINES) + end
    with pytest.raises(VendorUnavailableError, match="terminated it early"):
        passed(StreamCheck("export"), gzip.compress(data) if packed else data, packed=packed)


def test_an_empty_export_is_an_empty_load(environment: Served, settings: Settings) -> None:
    result = run(settings)
    assert (result.received, result.cursor) == (0, "2025-08-29")
    assert EVENTS.overlap.window == timedelta(days=5)
