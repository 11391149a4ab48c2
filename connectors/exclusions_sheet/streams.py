"""The one stream of the sheet of manual exclusions, and what people call its columns."""

from __future__ import annotations

from connectors.exclusions_sheet.contracts import Exclusion
from connectors.google_sheets.sheet import Sheet, one_value
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
    rules=one_value("key"),
)
SHEETS = (
    Sheet(
        stream=EXCLUSIONS,
        headings={
            "key": frozenset({"key", "id", "workspace", "workspace id", "account", "account id"})
            | {"domain", "exclusion", "workspace account or domain"}
            | {"workspace id account id or domain"},
            "reason": frozenset({"reason", "why", "note", "notes", "comment"}),
            "owner": frozenset({"owner", "requested by", "added by", "asked by", "who", "contact"}),
            "expires_on": frozenset({"expires on", "expires", "expiry", "expiry date", "until"})
            | {"valid until", "end date"},
        },
        required=("key",),
        dates=frozenset({"expires_on"}),
    ),
)
STREAMS = tuple(sheet.stream for sheet in SHEETS)
