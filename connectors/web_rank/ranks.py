"""The daily list of the most popular domains, Tranco-like: one zipped CSV of up to a million lines.

DuckDB turns the lines into one Parquet part; no line is touched by Python.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb

from connectors.zone import PARQUET, Extracted, LoadFolder
from headwater.errors import (
    CredentialError,
    SourceDataError,
    VendorRejectedError,
    VendorUnavailableError,
)
from headwater.http import ApiSession
from headwater.settings import Settings
from headwater.system_settings import WebRankSettings
from headwater.warehouse import literal

LOOKED_BACK = timedelta(days=7)
"""How far back a list is looked for: the vendor skips a day now and then."""
CALLS_PER_SECOND = 1


class Tranco:
    """The vendor of ranks; it needs no key."""

    def __init__(self, settings: Settings, web_rank: WebRankSettings) -> None:
        self.top = web_rank.tranco_top
        self.session = ApiSession(
            "tranco",
            str(web_rank.tranco_base_url),
            settings,
            calls_per_second=CALLS_PER_SECOND,
            source="web_rank",
        )

    def check(self) -> None:
        """Ask for the newest list's description.

        Raises :class:`headwater.errors.CredentialError`: there is no credential here, so what is
        wrong is the address.
        """
        try:
            self.session.call("GET", "/api/lists/date/latest", accept=(404,))
        except VendorRejectedError as error:
            raise CredentialError(
                f"The list of ranks was refused: {error.what}",
                next_step="Check WEB_RANK_TRANCO_BASE_URL.",
            ) from error

    def extract(self, cursor: str | None, folder: LoadFolder) -> Extracted:
        """The newest list after ``cursor`` (the day of the last one) up to the folder's present."""
        calls_before = self.session.calls
        today = folder.started_at.date()
        last = date.fromisoformat(cursor) if cursor else None
        for day in _days_back(today, last):
            listed = self._list_of(day)
            if listed is not None:
                self._write(listed, day, folder)
                cursor = day.isoformat()
                break
        return folder.extracted(calls=self.session.calls - calls_before, cursor=cursor)

    def close(self) -> None:
        """Close the session."""
        self.session.close()

    def _list_of(self, day: date) -> str | None:
        """The id of the list of a day, None where there is none (yet)."""
        answer = self.session.call("GET", f"/api/lists/date/{day.isoformat()}", accept=(404,))
        if answer.status_code == 404:
            return None
        described: dict[str, Any] = answer.json()
        if not described.get("available") or described.get("failed"):
            return None
        return str(described["list_id"])

    def _write(self, list_id: str, day: date, folder: LoadFolder) -> None:
        """One part with the lines of a list, in their order."""
        if folder.is_done(list_id):
            return
        text = self._download(list_id)
        part = folder.new_part(PARQUET)
        with tempfile.TemporaryDirectory() as scratch:
            lines = Path(scratch) / "list.csv"
            lines.write_bytes(text)
            rows = _write_parquet(lines, part, list_id, day, self.top)
        if rows == 0:
            raise SourceDataError(
                f"tranco: the list {list_id} of {day} is empty.",
                next_step="The ranks landed before stay; the next list is read on its day.",
            )
        folder.seal(part, rows)
        folder.finish(list_id)

    def _download(self, list_id: str) -> bytes:
        """The lines of a list. Most lists come zipped; the vendor says 403 of those that don't."""
        zipped = self.session.call("GET", f"/download_daily/{list_id}", accept=(403,))
        if zipped.status_code != 403:
            return _unzipped(zipped.content, list_id)
        text = self.session.call("GET", f"/download/{list_id}/{self.top}").content
        if not text.endswith(b"\n"):
            raise _not_whole(list_id, text)
        return text


def _days_back(today: date, last: date | None) -> Iterator[date]:
    """The days a newer list may be of, newest first."""
    day, oldest = today, max(today - LOOKED_BACK, last or date.min)
    while day > oldest:
        yield day
        day -= timedelta(days=1)


def _unzipped(archive: bytes, list_id: str) -> bytes:
    """The first file of a zip; its checksum proves that it arrived whole."""
    try:
        with zipfile.ZipFile(BytesIO(archive)) as file:
            return file.read(file.namelist()[0])
    except (zipfile.BadZipFile, IndexError, EOFError) as error:
        raise _not_whole(list_id, archive) from error


def _not_whole(list_id: str, got: bytes) -> VendorUnavailableError:
    return VendorUnavailableError(
        f"tranco: the list {list_id} did not arrive whole ({len(got)} bytes).",
        next_step="It is asked for again by the next try.",
    )


def _write_parquet(lines: Path, part: Path, list_id: str, day: date, top: int) -> int:
    """Lines ``rank,domain`` as a Parquet file; returns their number.

    Both stay text: what is no rank is for the contract to say. Lines below ``top`` are left out.
    """
    with duckdb.connect() as connection:
        copied = connection.execute(
            f"""
            copy (
                select
                    nullif(trim(split_part(line, ',', 1)), '') as rank,
                    nullif(lower(trim(split_part(line, ',', 2))), '') as domain,
                    {literal(list_id)} as list_id,
                    date {literal(day.isoformat())} as listed_on
                from read_csv(
                    {literal(str(lines))}, columns = {{'line': 'varchar'}}, header = false,
                    delim = chr(1), quote = '', escape = '', auto_detect = false
                )
                where coalesce(try_cast(rank as bigint), 0) <= {top}
            ) to {literal(str(part))} (format parquet, compression zstd)
            """
        ).fetchone()
    return int(copied[0]) if copied else 0
