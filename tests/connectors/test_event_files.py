"""Files of events, read from a folder and landed."""

from __future__ import annotations

import gzip
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connectors.event_files import client
from connectors.event_files.client import EventFilesSource
from connectors.event_files.lines import EventLines
from connectors.run import LoadResult, StreamsFailedError, StreamsToRetryError, run_source
from headwater.clock import FixedClock
from headwater.errors import QuotaExhaustedError, SettingsError, VendorUnavailableError
from headwater.settings import Settings, load
from headwater.system_settings import EventFilesSettings
from headwater.warehouse import connect
from tests.connectors.event_folder import NOON, Folder, lines, message, numbered

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)


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


def landed(settings: Settings) -> list[str]:
    sql = "select message_id from raw_event_files.events order by message_id"
    return [str(row[0]) for row in rows(settings, sql)]


def quarantined(settings: Settings) -> list[tuple[str, str]]:
    return rows(settings, "select reason, record from landing.quarantine order by all")


def zstd(content: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(content, asbytes=True))


def test_plain_gzip_and_zstd_files_of_all_folders_are_read_once(
    folder: Folder, settings: Settings
) -> None:
    folder.write("a.ndjson", numbered([1, 2]))
    folder.write(
        "2025/08/28/b.json.gz", gzip.compress(numbered([3])) + gzip.compress(numbered([4]))
    )
    folder.write("2025/08/28/named-wrongly.json", zstd(numbered([5])))
    folder.write("_temporary/d.json", numbered([6]))
    folder.write("readme.txt", b"not for us")
    first = run(settings)
    assert (first.received, first.landed) == (5, 5)
    assert rows(
        settings, "select message_id, source_file from raw_event_files.events order by 1"
    ) == [
        ("m-1", "a.ndjson"),
        ("m-2", "a.ndjson"),
        ("m-3", "2025/08/28/b.json.gz"),
        ("m-4", "2025/08/28/b.json.gz"),
        ("m-5", "2025/08/28/named-wrongly.json"),
    ]
    assert run(settings).received == 0
    folder.write("e.json", numbered([7]))
    assert (run(settings).received, run(settings).received) == (1, 0)


def test_a_file_that_changed_is_read_again_without_duplicates(
    folder: Folder, settings: Settings
) -> None:
    folder.write("a.json", numbered([1, 2]))
    folder.write("b.json", numbered([9]))
    run(settings)
    folder.write("a.json", numbered([1, 2, 3]))
    again = run(settings)
    assert (again.received, again.landed, again.duplicates) == (3, 1, 2)
    assert landed(settings) == ["m-1", "m-2", "m-3", "m-9"]


def test_a_message_that_was_sent_twice_lands_once_as_it_was_received_first(
    folder: Folder, settings: Settings
) -> None:
    later = message(1, receivedAt="2025-08-28T13:00:00Z")
    folder.write("a.json", lines(later))
    folder.write("b.json", lines(message(1)))
    result = run(settings)
    assert (result.landed, result.duplicates) == (1, 1)
    [(received_at,)] = rows(settings, "select received_at from raw_event_files.events")
    assert received_at == datetime(2025, 8, 28, 12, 0, 2)


def test_half_a_line_waits_for_its_end(folder: Folder, settings: Settings) -> None:
    content = numbered([1, 2])
    folder.write("a.json", content[:-30])
    assert (run(settings).received, quarantined(settings)) == (1, [])
    folder.write("a.json", content)
    result = run(settings)
    assert (result.landed, result.duplicates, quarantined(settings)) == (1, 1, [])


def test_half_a_line_that_stays_so_is_quarantined(folder: Folder, settings: Settings) -> None:
    folder.write("a.json", numbered([1, 2])[:-30])
    run(settings)
    result = run(settings)
    assert (result.received, result.duplicates, result.quarantined) == (2, 1, 1)
    [(reason, record)] = quarantined(settings)
    assert reason.startswith("not a JSON object")
    assert record.startswith('{"_file":"a.json","messageId": "m-2"')
    assert run(settings).received == 0


def test_a_last_line_without_newline_is_whole_if_it_is_a_record(
    folder: Folder, settings: Settings
) -> None:
    folder.write("a.json", numbered([1, 2])[:-1])
    assert (run(settings).landed, run(settings).received) == (2, 0)


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_half_a_compressed_file_lands_as_far_as_it_can_be_read_and_then_its_rest(
    folder: Folder, settings: Settings, pack: Any
) -> None:
    dice = random.Random(7)
    content = lines(*(message(n, name=dice.randbytes(40).hex()) for n in range(3000)))
    whole = pack(content)
    folder.write("a.json.gz", whole[: len(whole) // 2])
    run(settings)
    assert quarantined(settings) == []
    folder.write("a.json.gz", whole)
    run(settings)
    assert (len(landed(settings)), quarantined(settings)) == (3000, [])


@pytest.mark.parametrize("pack", [gzip.compress, zstd])
def test_a_compressed_file_that_stays_broken_gives_all_that_can_be_read_and_says_where_it_ends(
    folder: Folder, settings: Settings, pack: Any
) -> None:
    dice = random.Random(7)
    content = lines(*(message(n, name=dice.randbytes(40).hex()) for n in range(3000)))
    whole = pack(content)
    folder.write("a.json.gz", whole[: len(whole) // 2])
    run(settings)
    run(settings)
    read = len(landed(settings))
    assert 500 < read < 3000
    told = [record for _, record in quarantined(settings)]
    [note] = [record for record in told if "the compressed text ends after" in record]
    assert note.startswith("a.json.gz: ")
    # Nothing between the last line that landed and the note is lost.
    [half] = [record for record in told if record != note] or [""]
    assert f"m-{read}" in half or half == ""
    assert run(settings).received == 0


def test_bad_lines_are_quarantined_with_file_and_reason_and_blank_ones_are_none(
    folder: Folder, settings: Settings
) -> None:
    folder.write(
        "a.json",
        b"\xef\xbb\xbf"
        + lines(
            message(1),
            "",
            "   ",
            '{"messageId": "x", broken',
            message(2, type="purchase"),
            message(3, type="track"),
            message(4, type="group"),
            message(5, type="alias"),
            message(6, anonymousId=None),
            message(7, timestamp="yesterday", receivedAt=None),
            {},
        ).replace(b"\n", b"\r\n"),
    )
    result = run(settings)
    assert (result.received, result.landed, result.quarantined) == (9, 1, 8)
    reasons = sorted(reason for reason, _ in quarantined(settings))
    assert [reason[:60] for reason in reasons] == [
        "column event (event): missing, but a track has an event name",
        "column event_at (timestamp): value 'yesterday' is not a mome",
        "column group_id (groupId): missing, but a group has one",
        "column message_id (messageId): missing, but required; column",
        "column previous_id (previousId): missing, but an alias has o",
        "column type (type): value 'purchase' is none of track, ident",
        "neither user_id (userId) nor anonymous_id (anonymousId) says",
        'not a JSON object: \'{"_file":"a.json","messageId": "x", brok',
    ]


def test_all_six_types_land_with_their_fields(folder: Folder, settings: Settings) -> None:
    demo = {"email": "a@b.com", "form_id": "demo-1"}
    folder.write(
        "a.json",
        lines(
            message(1, type="track", event="Demo Requested", properties=demo),
            message(2, type="identify", userId="7", traits={"email": "a@b.com"}),
            message(3, type="page", name="Home", context={"page": {"url": "https://x.io/"}}),
            message(4, type="screen", name="Cart", context={"app": {"version": "4.2"}}),
            message(5, type="group", userId="7", groupId="g-1", traits={"plan": "team"}),
            message(6, type="alias", userId="7", previousId="a-1"),
        ),
    )
    assert run(settings).landed == 6
    assert rows(
        settings,
        "select type, event, properties ->> 'form_id', user_id, traits ->> 'email', name, "
        "page_url, app ->> 'version', group_id, previous_id from raw_event_files.events "
        "order by message_id",
    ) == [
        ("track", "Demo Requested", "demo-1", *[None] * 7),
        ("identify", None, None, "7", "a@b.com", *[None] * 5),
        ("page", None, None, None, None, "Home", "https://x.io/", None, None, None),
        ("screen", None, None, None, None, "Cart", None, "4.2", None, None),
        ("group", None, None, "7", None, None, None, None, "g-1", None),
        ("alias", None, None, "7", None, None, None, None, None, "a-1"),
    ]
    assert rows(settings, "select field from landing.drift") == []


@pytest.mark.parametrize(
    ("original", "sent", "received", "timestamp", "expected"),
    [
        # The sender's clock is 47 minutes fast: it says 12:47 at noon.
        ("12:47:00", "12:47:05", "12:00:06", None, "12:00:01"),
        # Its clock is slow, and the vendor's own correction agrees.
        ("11:00:00", "11:00:05", "12:00:06", "12:00:01", "12:00:01"),
        # The message waited for an hour and a half in a queue.
        ("09:00:00", "10:30:00", "10:30:02", None, "09:00:02"),
        # The clock was set back in between: it did not happen after it was received.
        ("12:05:00", "12:00:00", "12:00:06", None, "12:00:06"),
        # Without a moment of sending there is nothing to correct by.
        ("12:05:00", None, "12:00:06", None, "12:05:00"),
        (None, "12:00:00", "12:00:06", "11:59:00", "11:59:00"),
        (None, None, "12:00:06", None, "12:00:06"),
    ],
)
def test_the_senders_clock_is_corrected_as_the_spec_says(
    folder: Folder,
    settings: Settings,
    original: str | None,
    sent: str | None,
    received: str,
    timestamp: str | None,
    expected: str,
) -> None:
    def moment(clock: str | None) -> str | None:
        return f"2025-08-28T{clock}.000Z" if clock else None

    folder.write(
        "a.json",
        lines(
            message(
                1,
                originalTimestamp=moment(original),
                sentAt=moment(sent),
                receivedAt=moment(received),
                timestamp=moment(timestamp),
            )
        ),
    )
    run(settings)
    assert rows(settings, "select strftime(event_at, '%H:%M:%S') from raw_event_files.events") == [
        (expected,)
    ]


def test_late_events_land_on_their_own_day(folder: Folder, settings: Settings) -> None:
    folder.write("2025/08/28.json", lines(message(1)))
    run(settings)
    late = message(2, at=NOON - timedelta(days=9), receivedAt="2025-08-29T08:00:00Z")
    folder.write("2025/08/29.json", lines(late))
    run(settings)
    assert rows(
        settings, "select cast(event_at as date)::text from raw_event_files.events order by 1"
    ) == [("2025-08-19",), ("2025-08-28",)]


def test_unknown_fields_are_drift_and_a_changed_type_is_quarantined(
    folder: Folder, settings: Settings
) -> None:
    folder.write(
        "a.json",
        lines(message(1, shoeSize=43), message(2, context={"page": {"url": ["https://x.io"]}})),
    )
    result = run(settings)
    assert (result.landed, result.quarantined) == (1, 1)
    assert rows(settings, "select field, seen from landing.drift") == [("shoeSize", 1)]


def test_a_crash_goes_on_behind_the_last_finished_page(
    folder: Folder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE_BYTES", 1)
    for number in range(5):
        folder.write(f"{number}.json", numbered([number]))
    read: list[str] = []
    chunks = EventLines.chunks

    def failing(reader: EventLines, offset: int = 0) -> Any:
        read.append(reader.file.name)
        if reader.file.name == "3.json" and read.count("3.json") == 1:
            raise VendorUnavailableError("the network is gone")
        return chunks(reader, offset)

    monkeypatch.setattr(EventLines, "chunks", failing)
    with pytest.raises(StreamsToRetryError, match="the network is gone"):
        run(settings)
    result = run(settings)
    assert (result.received, result.landed) == (5, 5)
    # The second try opens 2.json to see that nothing is left in it, and goes on with the next.
    assert [name.removesuffix(".json") for name in read] == list("0123234")


def test_a_daily_allowance_that_runs_out_stops_cleanly_and_goes_on_the_next_day(
    folder: Folder, tmp_path: Path
) -> None:
    for number in range(5):
        folder.write(f"{number}.json", numbered([number]))

    def on(day: int) -> Settings:
        as_of = AS_OF + timedelta(days=day)
        return Settings(home=tmp_path / "var", as_of=as_of, daily_calls={"event_files": 5})

    with pytest.raises(StreamsFailedError, match="HEADWATER_DAILY_CALLS"):
        run(on(0))
    with pytest.raises(QuotaExhaustedError, match="HEADWATER_DAILY_CALLS"):
        run(on(0))  # it does not even look whether the path is there
    result = run(on(1))
    assert (result.received, result.landed, result.duplicates) == (5, 5, 0)
    assert result.calls == 3, "the listing and the two files that were left"


def test_a_crash_inside_a_large_file_goes_on_inside_it(
    folder: Folder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE_BYTES", 1)
    monkeypatch.setattr("connectors.event_files.lines.CHUNK_BYTES", 1000)
    folder.write("a.json.gz", gzip.compress(numbered(range(100))))
    source = EventFilesSource(settings, load(EventFilesSettings))
    [file] = source.location.files()
    reader = EventLines(source.location, file, is_last_try=False)
    pages = list(reader.chunks())
    assert len(pages) > 10
    for text, end in pages:
        rest = b"".join(later for later, _ in reader.chunks(end))
        assert text not in rest
        read_before = b"".join(earlier for earlier, e in pages if e <= end)
        assert read_before + rest == b"".join(page for page, _ in pages)


def test_a_file_that_vanishes_between_listing_and_reading_is_passed_over(
    folder: Folder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("a.json", numbered([1]))
    folder.write("b.json", numbered([2]))
    source = EventFilesSource(settings, load(EventFilesSettings))
    gone, _ = source.location.files()
    (folder.path / "a.json").unlink()
    reader = EventLines(source.location, gone, is_last_try=False)
    assert (list(reader.chunks()), reader.is_unfinished) == ([], False)


def test_what_is_appended_while_reading_is_left_for_the_next_time(
    folder: Folder, settings: Settings
) -> None:
    folder.write("a.json", numbered([1]))
    source = EventFilesSource(settings, load(EventFilesSettings))
    [file] = source.location.files()
    folder.write("a.json", numbered([1, 2]))
    text = b"".join(text for text, _ in EventLines(source.location, file, False).chunks())
    assert text.count(b"\n") == 1


def test_a_location_that_is_not_there_or_cannot_be_opened_is_said_first(
    folder: Folder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for location, words in [
        (f"{folder.path.as_uri()}/nowhere", "is not there"),
        ("ftp://host/path", "cannot be opened"),
        ("events", "is malformed"),
        ("s3://key:secret@bucket/path", "EVENT_FILES_ACCESS_KEY_ID"),
    ]:
        monkeypatch.setenv("EVENT_FILES_LOCATION", location)
        with pytest.raises(SettingsError, match=words) as caught:
            run(settings)
        assert "EVENT_FILES_LOCATION" in str(caught.value)
        assert "secret@" not in str(caught.value)
    monkeypatch.setenv("EVENT_FILES_LOCATION", folder.path.as_uri())
    monkeypatch.setenv("EVENT_FILES_ACCESS_KEY_ID", "key")
    with pytest.raises(SettingsError, match="go together"):
        run(settings)
    assert not settings.warehouse.exists()
