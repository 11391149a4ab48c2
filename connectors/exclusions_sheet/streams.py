"""The one stream of the sheet of manual exclusions."""

from __future__ import annotations

from connectors.exclusions_sheet.contracts import Exclusion
from connectors.stream import Deletes, Mode, Stream

HEADERS = {
    "key": {"key", "id", "workspace", "workspace id", "account", "account id", "domain"}
    | {"exclusion", "workspace account or domain", "workspace id account id or domain"},
    "reason": {"reason", "why", "note", "notes", "comment"},
    "owner": {"owner", "requested by", "added by", "asked by", "who", "contact"},
    "expires_on": {"expires on", "expires", "expiry", "expiry date", "until", "valid until"}
    | {"end date"},
}
"""What people call each column, in lower case and without signs."""

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
