"""The sheet of manual exclusions as a source."""

from __future__ import annotations

from connectors.exclusions_sheet.streams import EXCLUSIONS, SHEETS
from connectors.google_sheets.client import SpreadsheetSource
from headwater.settings import Settings
from headwater.system_settings import ExclusionsSheetSettings


class ExclusionsSheetSource(SpreadsheetSource):
    """One spreadsheet with one tab of exclusions."""

    def __init__(self, settings: Settings, group: ExclusionsSheetSettings) -> None:
        super().__init__(
            settings=settings,
            spreadsheet=group,
            name="exclusions_sheet",
            ranges={EXCLUSIONS.name: group.range},
            sheets=SHEETS,
        )
