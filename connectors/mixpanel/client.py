"""Mixpanel's raw export: whole days of events as lines, streamed to disk as they come.

The answer has no length and no end mark that can be trusted, so every stream is checked while it
passes: a compressed one must end its last gzip member, a plain one its last line, and neither may
end in ``terminated early``. What fails is thrown away and asked for again as a whole.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential
from urllib3.exceptions import HTTPError

from connectors.day_exports import Pace
from connectors.mixpanel.streams import STREAMS
from connectors.stream import Stream
from connectors.zone import LINES, Extracted, LoadFolder
from headwater.clock import Clock
from headwater.errors import CredentialError, VendorRejectedError, VendorUnavailableError
from headwater.http import ApiSession
from headwater.settings import Settings
from headwater.system_settings import MixpanelSettings

DAYS_PER_CALL = 92
"""A quarter of a year per call: seven calls for two years, far below 60 an hour, and little to
fetch again when one is cut off."""
CALLS_PER_SECOND = 2
"""Three are allowed; the network may bring two seconds' calls together."""
BACKFILL_CALLS_PER_SECOND = 1
"""What the cycle's calls leave of the three."""
CHUNK_BYTES = 1024 * 1024
CUT_OFF = b"terminated early"
EXPORT = "/api/2.0/export"
GZIP = 31
"""The window bits that tell zlib to expect gzip."""


@dataclass
class MixpanelSource:
    """The events of one Mixpanel project."""

    settings: Settings
    mixpanel: MixpanelSettings
    name: str = "mixpanel"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1

    def __post_init__(self) -> None:
        self.pace = Pace(
            BACKFILL_CALLS_PER_SECOND,
            self.mixpanel.backfill_calls_per_hour,
            self.mixpanel.backfill_parallel,
        )
        self.session = ApiSession(
            "mixpanel",
            str(self.mixpanel.export_base_url),
            self.settings,
            calls_per_second=CALLS_PER_SECOND,
        )
        self.session.auth = (
            self.mixpanel.service_account_username,
            self.mixpanel.service_account_secret.get_secret_value(),
        )

    def check(self) -> None:
        """Export one event of a day long past: an answer proves account, project and plan."""
        try:
            self.session.call(
                "GET",
                EXPORT,
                params=self._days(date(2011, 7, 10), date(2011, 7, 10)) | {"limit": "1"},
            )
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"Mixpanel refused the export: {error.what}",
                next_step="Check MIXPANEL_SERVICE_ACCOUNT_USERNAME, "
                "MIXPANEL_SERVICE_ACCOUNT_SECRET, MIXPANEL_PROJECT_ID and the host in "
                "MIXPANEL_EXPORT_BASE_URL; the account needs the role Analyst on the project.",
            ) from error

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Export the days since ``cursor`` (a day) less the overlap, up to the project's today."""
        calls_before = self.session.calls
        today = self._day(folder.started_at)
        first = self.settings.history_start
        if cursor is not None:
            first = max(first, date.fromisoformat(cursor) - stream.overlap.window)
        for start, end in day_ranges(first, today):
            days = f"{start} to {end}"
            if not folder.is_done(days):
                self._export(folder, start, end, clock)
                folder.finish(days)
        return folder.extracted(
            calls=self.session.calls - calls_before,
            cursor=today.isoformat(),
            timezone=self.mixpanel.timezone,
        )

    def last_whole_day(self, clock: Clock) -> date:
        """Yesterday, by the project's clock."""
        return self._day(clock.now()) - timedelta(days=1)

    def extract_days(self, first: date, last: date, folder: LoadFolder, clock: Clock) -> Extracted:
        """Export the days from ``first`` to ``last``, both inclusive, in one call."""
        calls_before = self.session.calls
        self._export(folder, first, last, clock)
        return folder.extracted(
            calls=self.session.calls - calls_before, cursor=None, timezone=self.mixpanel.timezone
        )

    def close(self) -> None:
        """Close the session."""
        self.session.close()

    def _day(self, moment: datetime) -> date:
        """The day of a moment by the project's clock."""
        return moment.astimezone(ZoneInfo(self.mixpanel.timezone)).date()

    def _export(self, folder: LoadFolder, start: date, end: date, clock: Clock) -> None:
        """One range of days into one part; a stream that was cut off is asked for again."""
        path = folder.new_part(LINES)
        for attempt in Retrying(
            retry=retry_if_exception_type(VendorUnavailableError),
            stop=stop_after_attempt(self.settings.http_retries + 1),
            wait=wait_exponential(multiplier=0.25, max=60),
            sleep=clock.sleep,
            reraise=True,
        ):
            with attempt:
                rows = self._stream_to(path, start, end)
        folder.seal(path, rows)

    def _stream_to(self, path: Path, start: date, end: date) -> int:
        response = self.session.call(
            "GET",
            EXPORT,
            params=self._days(start, end),
            headers={"Accept-Encoding": "gzip"},
            stream=True,
        )
        packed = response.headers.get("Content-Encoding", "").lower() == "gzip"
        with closing(response), path.open("wb") as file:
            check = StreamCheck(f"mixpanel export of {start} to {end}")
            try:
                chunks = response.raw.stream(CHUNK_BYTES, decode_content=False)
                (check.pass_packed if packed else check.pass_plain)(chunks, file)
            except (HTTPError, requests.RequestException, OSError) as error:
                raise VendorUnavailableError(
                    f"{check.what}: the connection broke ({type(error).__name__})."
                ) from error
        return check.lines

    def _days(self, start: date, end: date) -> dict[str, str]:
        return {
            "from_date": start.isoformat(),
            "to_date": end.isoformat(),
            "project_id": str(self.mixpanel.project_id),
        }


@dataclass
class StreamCheck:
    """Watches a stream of lines on its way to a file: counts them and knows whether it is whole.

    Raises :class:`headwater.errors.VendorUnavailableError` for a stream that was cut off.
    """

    what: str
    lines: int = 0
    last_bytes: bytes = b""
    open_line: bytes = b""  # the line that has not ended yet

    def pass_packed(self, chunks: Iterator[bytes], file: BinaryIO) -> None:
        """Copy gzip as it is; it may be several members, one after the other."""
        unpack = zlib.decompressobj(wbits=GZIP)
        between_members = False
        for chunk in chunks:
            file.write(chunk)
            rest = chunk
            while rest:
                try:
                    self._see(unpack.decompress(rest))
                except zlib.error as error:
                    raise VendorUnavailableError(
                        f"{self.what}: the stream is damaged ({error})."
                    ) from error
                between_members = unpack.eof
                rest = unpack.unused_data
                if unpack.eof:
                    unpack = zlib.decompressobj(wbits=GZIP)
        if not between_members:
            raise VendorUnavailableError(f"{self.what}: the stream ended in the middle.")
        self._end()

    def pass_plain(self, chunks: Iterator[bytes], file: BinaryIO) -> None:
        """Compress a plain stream on its way."""
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, mtime=0) as packed:
            for chunk in chunks:
                packed.write(chunk)
                self._see(chunk)
        self._end()

    def _see(self, data: bytes) -> None:
        self.lines += data.count(b"\n")
        self.last_bytes = (self.last_bytes + data)[-4 * len(CUT_OFF) :]
        line_end = data.rfind(b"\n")
        self.open_line = data[line_end + 1 :] if line_end >= 0 else self.open_line + data

    def _end(self) -> None:
        if self.last_bytes.rstrip().endswith(CUT_OFF):
            raise VendorUnavailableError(f"{self.what}: Mixpanel terminated it early.")
        if self.open_line:
            try:
                json.loads(self.open_line)
            except ValueError as error:
                raise VendorUnavailableError(
                    f"{self.what}: the stream ended in the middle of a line."
                ) from error
            self.lines += 1


def day_ranges(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The days from ``first`` to ``last``, both inclusive, in as few calls as are wise."""
    while first <= last:
        end = min(first + timedelta(days=DAYS_PER_CALL - 1), last)
        yield first, end
        first = end + timedelta(days=1)
