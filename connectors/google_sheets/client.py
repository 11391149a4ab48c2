"""Tabs of one spreadsheet, all read by one ``values.batchGet``: one request, whatever their number.

Cells come unformatted, so that a number is a number whatever its format shows, and dates as they
are shown, so that one that stands where an id belongs isn't taken for a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import HttpUrl

from connectors.google_sheets.rows import Grid, Merged, records_of
from connectors.google_sheets.sheet import Sheet
from connectors.stream import Stream
from connectors.zone import Extracted, LoadFolder
from headwater.clock import Clock
from headwater.errors import CredentialError, SourceDataError, VendorRejectedError
from headwater.google_token import GoogleToken
from headwater.http import ApiSession
from headwater.settings import Settings

SCOPE = "https://www.googleapis.com/auth/spreadsheets.readonly"
METADATA = "spreadsheetId,properties.locale,sheets(properties(title),merges)"
MONTH_FIRST_LOCALES = frozenset({"en_US", "en_PH", "es_PR", "fil_PH"})
CORNER = re.compile(
    r"^(?:'(?P<quoted>(?:[^']|'')*)'|(?P<bare>[^!]*))!\$?(?P<column>[A-Z]+)?\$?(?P<row>\d+)?"
)
"""Tab and first cell of a range, as an answer names it."""


class SpreadsheetSettings(Protocol):
    """What is set about a spreadsheet."""

    @property
    def id(self) -> str: ...
    @property
    def service_account_file(self) -> Path: ...
    @property
    def base_url(self) -> HttpUrl: ...


@dataclass
class SpreadsheetSource:
    """One spreadsheet; ``ranges`` says in A1 notation where each of its sheets stands.

    Its settings have the source's name as their prefix.
    """

    settings: Settings
    spreadsheet: SpreadsheetSettings
    name: str
    ranges: Mapping[str, str]
    sheets: tuple[Sheet, ...]
    concurrency: int = 1
    streams: tuple[Stream, ...] = field(init=False)
    session: ApiSession = field(init=False)
    _metadata: dict[str, Any] | None = None
    _grids: dict[str, Grid] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.streams = tuple(sheet.stream for sheet in self.sheets)
        self.session = ApiSession(
            "google sheets",
            str(self.spreadsheet.base_url),
            self.settings,
            token=GoogleToken(
                self.spreadsheet.service_account_file,
                SCOPE,
                setting=self._setting("SERVICE_ACCOUNT_FILE"),
                used_for=f"the spreadsheet of {self.name}",
            ).authorization,
            source=self.name,
        )

    def check(self) -> None:
        """Get a token and read what the spreadsheet is: proves the key file and the share."""
        try:
            self._describe()
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"Google refused the spreadsheet of {self.name}: {error.what}",
                next_step=f"Check {self._setting('ID')} and "
                f"{self._setting('SERVICE_ACCOUNT_FILE')}, and share the spreadsheet with the "
                "client_email in that file (viewer).",
            ) from error

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Every filled line below the header; a sheet has no cursor."""
        del cursor, clock
        calls_before = self.session.calls
        if not self._grids:
            self._grids = self._read()
        [sheet] = [each for each in self.sheets if each.stream == stream]
        folder.write_records([records_of(self._grids[stream.name], sheet)])
        return folder.extracted(calls=self.session.calls - calls_before, cursor=None)

    def close(self) -> None:
        """Close the session."""
        self.session.close()

    def _describe(self) -> dict[str, Any]:
        """Locale, tabs and merged cells, read once a run."""
        if self._metadata is None:
            answer = self.session.call(
                "GET", f"/v4/spreadsheets/{self.spreadsheet.id}", params={"fields": METADATA}
            )
            self._metadata = dict(answer.json())
        return self._metadata

    def _read(self) -> dict[str, Grid]:
        """The cells of every sheet by the name of its stream."""
        described = self._describe()
        asked = [self.ranges[stream.name] for stream in self.streams]
        answer = self.session.call(
            "GET",
            f"/v4/spreadsheets/{self.spreadsheet.id}/values:batchGet",
            params={
                "ranges": asked,
                "majorDimension": "ROWS",
                "valueRenderOption": "UNFORMATTED_VALUE",
                "dateTimeRenderOption": "FORMATTED_STRING",
            },
        ).json()
        found = answer.get("valueRanges", [])
        if len(found) != len(asked):
            raise SourceDataError(
                f"Google answered {len(found)} ranges of {self.name} for {len(asked)}.",
                next_step="Nothing was landed; look at the spreadsheet and try again.",
            )
        return {
            stream.name: _grid(values, described, where)
            for stream, values, where in zip(self.streams, found, asked, strict=True)
        }

    def _setting(self, name: str) -> str:
        return f"{self.name}_{name}".upper()


def _grid(values: dict[str, Any], described: dict[str, Any], where: str) -> Grid:
    """A range's cells with where they stand, what is merged there and how dates are written."""
    corner = CORNER.match(str(values.get("range", "")))
    title = ""
    if corner:
        title = (corner["quoted"] or "").replace("''", "'") or corner["bare"] or ""
    locale = str(described.get("properties", {}).get("locale", "en_US"))
    return Grid(
        values=values.get("values", []),
        where=where,
        first_row=int(corner["row"]) - 1 if corner and corner["row"] else 0,
        first_column=_column_number(corner["column"]) if corner and corner["column"] else 0,
        merged=tuple(
            Merged(each["startRowIndex"], each["endRowIndex"], each["startColumnIndex"])
            for tab in described.get("sheets", [])
            if tab.get("properties", {}).get("title") == title
            for each in tab.get("merges", [])
            if each["endRowIndex"] - each["startRowIndex"] > 1
        ),
        is_month_first=locale in MONTH_FIRST_LOCALES,
    )


def _column_number(letters: str) -> int:
    """``A`` is 0, ``AA`` is 26."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
