"""Google Sheets: a tab that holds the model's rows in columns of ours, beside columns of people.

Rows are found by the key in its column, columns by their names in the first row. Each batch is one
read and one ``batchUpdate``, which Google does as a whole or not at all. Cells of other columns are
never written, and a text is never taken for a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any
from urllib.parse import quote

from headwater.errors import CredentialError, DefinitionError, VendorRejectedError
from headwater.google_token import GoogleToken
from headwater.http import ApiSession
from headwater.settings import Settings, load
from headwater.system_settings import GoogleSheetsSettings
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    Batch,
    Capabilities,
    Change,
    Counts,
    FieldInfo,
    Held,
    Operation,
    Outcome,
    RowResult,
    Value,
)
from syncs.destinations.answers import reading

SCOPE = "https://www.googleapis.com/auth/spreadsheets"
BATCH_CELLS = 20_000
CALLS_PER_SECOND, WINDOW_SECONDS = 0.9, 60
"""60 reads and 60 writes a minute are allowed per user."""
SETTLE_SECONDS = 60.0
DUPLICATE_KEY = "DUPLICATE_KEY"


def connect(definition: Definition, settings: Settings) -> GoogleSheetsDestination:
    """The destination of a definition."""
    return GoogleSheetsDestination(definition, settings)


@dataclass(frozen=True)
class Tab:
    """A tab as it was read. ``columns``: place from 0 by name; a tab may be empty."""

    rows: Sequence[Sequence[Value]]
    columns: Mapping[str, int]
    key: str

    @cached_property
    def places(self) -> dict[str, list[int]]:
        """Row numbers from 0 by key."""
        found: dict[str, list[int]] = {}
        column = self.columns.get(self.key, 0)
        for number, row in enumerate(self.rows[1:], start=1):
            if column < len(row) and row[column] not in (None, ""):
                found.setdefault(_as_key(row[column]), []).append(number)
        return found

    def cell(self, row: int, name: str) -> Value:
        """What stands in a row under a name; an empty cell is null."""
        column, cells = self.columns[name], self.rows[row]
        return cells[column] if column < len(cells) and cells[column] != "" else None


class GoogleSheetsDestination:
    """One tab; ``object`` is ``<spreadsheet id>/<name of the tab>``.

    Removal ``delete`` empties our cells of a row, the key included; what people wrote beside them
    stays where it is.
    """

    name = "google_sheets"
    capabilities = Capabilities(
        frozenset({Mode.MIRROR, Mode.UPSERT}),
        frozenset({Removal.DELETE, Removal.CLEAR, Removal.IGNORE}),
        separate_operations=False,
        settle_seconds=SETTLE_SECONDS,
    )

    def __init__(self, definition: Definition, settings: Settings) -> None:
        spreadsheet, _, self._tab = definition.object.partition("/")
        if not spreadsheet or not self._tab:
            raise DefinitionError(
                f"{definition.name}.yml: object: {definition.object!r} names no tab.",
                next_step="Write SPREADSHEET_ID/TAB; the id stands in the sheet's address.",
            )
        account = load(GoogleSheetsSettings)
        self._label = f"Google Sheets tab {self._tab!r}"
        self._path = f"/v4/spreadsheets/{quote(spreadsheet, safe='')}"
        self._key = definition.key.field
        self._ours = (self._key, *(item.field for item in definition.fields))
        self._sheet_id: int | None = None
        self._session = ApiSession(
            "Google Sheets",
            str(account.base_url),
            settings,
            calls_per_second=CALLS_PER_SECOND,
            window_seconds=WINDOW_SECONDS,
            source="to google_sheets",
            token=GoogleToken(
                account.service_account_file,
                SCOPE,
                setting="GOOGLE_SHEETS_SERVICE_ACCOUNT_FILE",
                used_for=self._label,
            ).authorization,
        )

    @property
    def calls(self) -> int:
        """API calls made so far; those for a token are not counted."""
        return self._session.calls

    def check(self) -> Mapping[str, FieldInfo]:
        """See that the tab is there, and which columns its first row names. An empty tab gets its
        first row from the first delivery."""
        self._id_of_tab()
        names = self._read("!1:1").columns
        return {name: FieldInfo("column") for name in names or self._ours}

    def batch_rows(self, rows: int) -> int:
        """As many rows as have 20,000 cells of ours."""
        return max(1, BATCH_CELLS // len(self._ours))

    def least_calls(self, counts: Counts) -> int:
        """A read and a write per batch."""
        return 2 * -(-counts.total // self.batch_rows(counts.total))

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> Sequence[RowResult]:
        """Write the cells of rows that are there, and the others below the last row."""
        return self._write(self._read(), batch.changes)

    def resolve(self, batch: Batch) -> Sequence[RowResult]:
        """Write it again, but no row that is not there: the first call may still add it."""
        tab = self._read()
        there = [
            change
            for change in batch.changes
            if change.operation is Operation.REMOVE or change.key in tab.places
        ]
        written = {result.key: result for result in self._write(tab, there)} if there else {}
        return [
            written.get(change.key, RowResult(change.key, Outcome.UNSENT))
            for change in batch.changes
        ]

    def current(self, changes: Sequence[Change], fields: Sequence[str]) -> Mapping[str, Held]:
        """What the rows of these keys hold."""
        tab = self._read()
        return {
            change.key: Held(None, {name: tab.cell(rows[0], name) for name in fields})
            for change in changes
            if (rows := tab.places.get(change.key))
        }

    def _write(self, tab: Tab, changes: Sequence[Change]) -> list[RowResult]:
        doubled = {key: rows for key, rows in tab.places.items() if len(rows) > 1}
        fine = [change for change in changes if change.key not in doubled]
        columns = tab.columns or {name: place for place, name in enumerate(self._ours)}
        requests = list(self._requests(tab, columns, fine))
        if requests:
            answer = self._session.call("POST", f"{self._path}:batchUpdate",
                                        json={"requests": requests})  # fmt: skip
            with reading("Google Sheets", answer):
                if len(answer.json()["replies"]) != len(requests):
                    raise ValueError(f"{len(requests)} requests and as many replies expected")
        return [
            RowResult(
                change.key,
                Outcome.REJECTED,
                code=DUPLICATE_KEY,
                message=f"The key stands in rows {', '.join(str(row + 1) for row in doubled[key])}"
                f" of {self._label}.",
            )
            if (key := change.key) in doubled
            else RowResult(change.key, Outcome.DELIVERED)
            for change in changes
        ]

    def _requests(
        self, tab: Tab, columns: Mapping[str, int], changes: Sequence[Change]
    ) -> Iterator[dict[str, Any]]:
        if not tab.columns:
            yield self._cells(0, {columns[name]: name for name in self._ours})
        added = []
        for change in changes:
            rows = tab.places.get(change.key)
            if rows:
                content: Mapping[str, Value] = change.fields
                if change.operation is Operation.REMOVE and not change.fields:
                    content = dict.fromkeys(self._ours)
                by_place = {columns[name]: value for name, value in content.items()}
                for run in _runs(by_place):
                    yield self._cells(rows[0], run)
            elif change.operation is not Operation.REMOVE:
                fresh = change.whole if change.operation is Operation.UPDATE else change.fields
                added.append(
                    {columns[name]: fresh.get(name) for name in self._ours} | {
                        columns[self._key]: change.key}
                )  # fmt: skip
        if added:
            yield {
                "appendCells": {
                    "sheetId": self._id_of_tab(),
                    "fields": "userEnteredValue",
                    "rows": [_row(range(max(row) + 1), row) for row in added],
                }
            }

    def _cells(self, row: int, cells: Mapping[int, Value]) -> dict[str, Any]:
        """Neighbouring cells of one row."""
        first = min(cells)
        return {
            "updateCells": {
                "start": {"sheetId": self._id_of_tab(), "rowIndex": row, "columnIndex": first},
                "fields": "userEnteredValue",
                "rows": [_row(range(first, max(cells) + 1), cells)],
            }
        }

    def _read(self, cells: str = "") -> Tab:
        tab = "'" + self._tab.replace("'", "''") + "'" + cells
        answer = self._call(
            f"{self._path}/values/{quote(tab, safe='')}",
            {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "FORMATTED_STRING"},
        )
        rows: list[list[Value]] = answer.get("values") or []
        names = [str(name).strip() for name in rows[0]] if rows else []
        doubled = sorted({name for name in self._ours if names.count(name) > 1})
        if doubled or (rows and not any(names)):
            raise DefinitionError(
                f"{self._label}: the first row names "
                f"{', '.join(doubled) + ' twice' if doubled else 'no column'}.",
                next_step="Let the first row name each column of ours once. Nothing was written.",
            )
        columns = {name: place for place, name in enumerate(names) if name}
        missing = [name for name in self._ours if columns and name not in columns]
        if missing and not cells:  # the check tells it with the line of the definition
            raise DefinitionError(
                f"{self._label}: the first row has no {', '.join(missing)} any more.",
                next_step="Name the columns again. Nothing was written.",
            )
        return Tab(rows, columns, self._key)

    def _id_of_tab(self) -> int:
        if self._sheet_id is None:
            answer = self._call(self._path, {"fields": "sheets.properties"})
            known = {
                each["properties"]["title"]: int(each["properties"]["sheetId"])
                for each in answer.get("sheets", [])
            }
            if self._tab not in known:
                raise DefinitionError(
                    f"The spreadsheet has no tab {self._tab!r}.",
                    next_step=f"It has: {', '.join(known)}.",
                )
            self._sheet_id = known[self._tab]
        return self._sheet_id

    def _call(self, path: str, params: Mapping[str, str]) -> dict[str, Any]:
        try:
            response = self._session.call("GET", path, params=params)
        except (CredentialError, VendorRejectedError) as error:
            raise CredentialError(
                f"{self._label}: {error.what}",
                next_step="Check the id and the tab in the definition's object, and share the "
                "spreadsheet with the client_email of GOOGLE_SHEETS_SERVICE_ACCOUNT_FILE (Editor).",
            ) from error
        with reading("Google Sheets", response):
            answer: dict[str, Any] = response.json()
            return {**answer}


def encode(value: Value) -> dict[str, Any]:
    """A cell: a text stays one whatever it looks like, null empties it."""
    if value is None or value == "":
        return {}
    kind = "stringValue" if isinstance(value, str) else "numberValue"
    return {"userEnteredValue": {"boolValue" if isinstance(value, bool) else kind: value}}


def _row(places: range, cells: Mapping[int, Value]) -> dict[str, Any]:
    return {"values": [encode(cells.get(place)) for place in places]}


def _runs(cells: Mapping[int, Value]) -> Iterator[dict[int, Value]]:
    """Cells in runs of neighbours: what stands between two of ours is not ours."""
    places = sorted(cells)
    for _, run in groupby(enumerate(places), key=lambda item: item[1] - item[0]):
        yield {place: cells[place] for _, place in run}


def _as_key(cell: Value) -> str:
    """A cell as a key: a whole number without a point, as people type ids."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
