"""The sheet of manual exclusions, read whole by one ``values.get``.

People keep it, so its header is matched loosely, its rows may be short and blank lines are not
records. Every cell is taken as it is shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote as url_quote

from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from connectors.exclusions_sheet.streams import HEADERS, STREAMS
from connectors.stream import Stream
from connectors.zone import Extracted, LoadFolder
from headwater.clock import Clock
from headwater.errors import (
    CredentialError,
    SourceDataError,
    VendorRejectedError,
    VendorUnavailableError,
)
from headwater.http import ApiSession
from headwater.settings import ExclusionsSheetSettings, Settings

SCOPE = "https://www.googleapis.com/auth/spreadsheets.readonly"
FIRST_ROW = re.compile(r"(?:^|!)\$?[A-Za-z]{1,3}\$?(\d+)")


@dataclass
class ExclusionsSheetSource:
    """One sheet."""

    settings: Settings
    sheet: ExclusionsSheetSettings
    name: str = "exclusions_sheet"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = 1
    session: ApiSession = field(init=False)
    _credentials: Any = None

    def __post_init__(self) -> None:
        self.session = ApiSession(
            "google sheets", str(self.sheet.base_url), self.settings, token=self._token
        )

    def check(self) -> None:
        """Get a token and read the spreadsheet's id: proves the key file and the share."""
        try:
            self.session.call(
                "GET", f"/v4/spreadsheets/{self.sheet.id}", params={"fields": "spreadsheetId"}
            )
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"Google refused the sheet of exclusions: {error.what}",
                next_step="Check EXCLUSIONS_SHEET_ID and EXCLUSIONS_SHEET_SERVICE_ACCOUNT_FILE, "
                "and share the sheet with the client_email in that file (viewer).",
            ) from error

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Every filled line below the header; the sheet has no cursor."""
        del stream, cursor, clock
        calls_before = self.session.calls
        answer = self.session.call(
            "GET",
            f"/v4/spreadsheets/{self.sheet.id}/values/{url_quote(self.sheet.range, safe='!:$')}",
            params={"majorDimension": "ROWS", "valueRenderOption": "FORMATTED_VALUE"},
        ).json()
        first_row = FIRST_ROW.search(str(answer.get("range", "")))
        records = rows_to_records(
            answer.get("values", []), int(first_row[1]) if first_row else 1, self.sheet.range
        )
        folder.write_records([records])
        return folder.extracted(calls=self.session.calls - calls_before, cursor=None)

    def close(self) -> None:
        """Close the session."""
        self.session.close()

    def _token(self, renew: bool) -> str:
        """The header's value. The token endpoint is the one that the key file names."""
        try:
            if self._credentials is None:
                self._credentials = Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
                    str(self.sheet.service_account_file), scopes=[SCOPE]
                )
            if renew or not self._credentials.valid:
                self._credentials.refresh(Request())
        except TransportError as error:
            raise VendorUnavailableError(
                f"Google's token endpoint could not be reached: {error}",
                next_step="Check token_uri in EXCLUSIONS_SHEET_SERVICE_ACCOUNT_FILE.",
            ) from error
        except (OSError, ValueError, RefreshError, GoogleAuthError) as error:
            raise CredentialError(
                f"No token for the sheet of exclusions: {error}",
                next_step="Check the key file in EXCLUSIONS_SHEET_SERVICE_ACCOUNT_FILE.",
            ) from error
        return f"Bearer {self._credentials.token}"


def rows_to_records(values: list[list[Any]], first_row: int, where: str) -> list[dict[str, Any]]:
    """The lines of a sheet as records with their line numbers.

    ``values`` starts with the header, which stands in line ``first_row``. Blank lines are left
    out; a blank cell is null; columns with an unknown header keep its name.
    Raises :class:`headwater.errors.SourceDataError` when no header names the key.
    """
    header, *lines = values or [[]]
    names = _column_names(header)
    if "key" not in names:
        raise SourceDataError(
            f"The sheet of exclusions ({where}, line {first_row}) has no column for the key; "
            f"its header reads: {', '.join(str(cell) for cell in header) or 'nothing'}.",
            next_step=f"Name a column one of: {', '.join(sorted(HEADERS['key']))}.",
        )
    records = []
    for offset, line in enumerate(lines, 1):
        cells = {
            name: str(cell)
            for name, cell in zip(names, line, strict=False)
            if str(cell).strip()  # NBSP counts as blank too
        }
        if cells:
            records.append({"row_number": first_row + offset, "key": None, **cells})
    return records


def _column_names(header: list[Any]) -> list[str]:
    """A name for each column: the contract's where the header is one of its names."""
    names: list[str] = []
    for position, cell in enumerate(header):
        plain = " ".join(re.findall(r"\w+", str(cell).lower().replace("_", " ")))
        known = next((name for name, words in HEADERS.items() if plain in words), None)
        name = known if known and known not in names else plain or f"column {position + 1}"
        names.append(name if name not in names else f"{name} {position + 1}")
    return names
