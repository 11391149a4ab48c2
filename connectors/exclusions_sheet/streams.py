"""The one stream of the sheet of manual exclusions."""

from __future__ import annotations

from connectors.exclusions_sheet.contracts import Exclusion
from connectors.stream import Deletes, Mode, Stream

EXCLUSIONS = Stream(
    source="exclusions_sheet",
    name="exclusions",
    contract=Exclusion,
    mode=Mode.SNAPSHOT,
    key=("row_number",),
    version=(),
    cursor="none",
    deletes=Deletes("lines that vanished from the sheet"),
)

STREAMS = (EXCLUSIONS,)
