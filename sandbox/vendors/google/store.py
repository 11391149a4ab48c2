"""What the local Google keeps: spreadsheets as grids of cells, and when each last changed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox.clock import VirtualClock
from sandbox.store import SqliteStore
from sandbox.vendors.documents import Documents
from sandbox.vendors.rate_window import RateWindow

Cell = str | int | float | bool | dict[str, Any] | None
"""A plain value, or ``{"value", "shown"[, "is_date"]}``: a number (of a date, the serial days) that
has a format of its own."""
Grid = list[list[Cell]]
DEFAULT_ROWS, DEFAULT_COLUMNS = 1000, 26


class Store:
    """Spreadsheets by id: ``{"id", "title", "sheets": [{"sheetId", "title", "grid"[, "merges"]}],
    "modified_at", "version"}``.

    ``reads_per_minute`` and ``writes_per_minute`` are the limits per user.
    """

    def __init__(self, home: Path, clock: VirtualClock) -> None:
        self.clock = clock
        self.db = SqliteStore(home / "google" / "google.sqlite")
        self.spreadsheets = Documents(self.db, "spreadsheets")
        self.tokens = Documents(self.db, "tokens")
        self.reads_per_minute = RateWindow(60, 60, clock)
        self.writes_per_minute = RateWindow(60, 60, clock)

    def seed_sheet(
        self,
        spreadsheet_id: str,
        sheet_name: str,
        grid: Grid,
        merges: Iterable[tuple[int, int, int, int]] = (),
    ) -> None:
        """Put a grid (rows may be ragged) into a sheet, which is made when it is not there.

        ``merges`` are first row, end row, first column and end column of merged cells, from 0 and
        half-open.
        """
        names = ("startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex")
        merged = [dict(zip(names, each, strict=True)) for each in merges]
        spreadsheet = self.spreadsheets.get(spreadsheet_id) or {
            "id": spreadsheet_id,
            "title": "GroupGrub operations",
            "sheets": [],
            "version": 0,
        }
        for sheet in spreadsheet["sheets"]:
            if sheet["title"] == sheet_name:
                if sheet["grid"] != grid or sheet.get("merges", []) != merged:
                    sheet |= {"grid": grid, "merges": merged}
                    self.put(spreadsheet)
                return
        # The first sheet of a spreadsheet has the id 0, others have any number.
        sheet_id = zlib.crc32(sheet_name.encode()) if spreadsheet["sheets"] else 0
        spreadsheet["sheets"].append(
            {"sheetId": sheet_id, "title": sheet_name, "grid": grid, "merges": merged}
        )
        self.put(spreadsheet)

    def seed(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        """Put whole ``sheets``: ``{"spreadsheet_id", "sheet_name", "grid"}``."""
        if table != "sheets":
            raise KeyError(table)
        for row in rows:
            self.seed_sheet(row["spreadsheet_id"], row["sheet_name"], row["grid"])

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All ``sheets`` in the form of :meth:`seed`."""
        if table != "sheets":
            raise KeyError(table)
        return [
            {"spreadsheet_id": each["id"], "sheet_name": sheet["title"], "grid": sheet["grid"]}
            for each in self.spreadsheets.select()
            for sheet in each["sheets"]
        ]

    def put(self, spreadsheet: dict[str, Any]) -> None:
        """Store a spreadsheet that changed now."""
        changed = {
            **spreadsheet,
            "version": spreadsheet["version"] + 1,
            "modified_at": self.clock.now().isoformat(),
        }
        self.spreadsheets.put(spreadsheet["id"], changed)
