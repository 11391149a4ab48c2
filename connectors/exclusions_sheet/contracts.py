"""What the sheet of manual exclusions holds. People type it: everything but the key is text."""

from __future__ import annotations

from connectors.contract import Contract, Pii, column


class Exclusion(Contract):
    """One row per filled line of the sheet."""

    row_number: int = column("row_number", "Line in the sheet, the header being 1.")
    key: str = column("key", "Workspace id, Salesforce account id or domain, as typed.")
    reason: str | None = column("reason", "Why, as typed.", pii=Pii.FREE_TEXT)
    owner: str | None = column("owner", "Who asked for it.", pii=Pii.CONTACT)
    expires_on: str | None = column("expires_on", "Last day, as typed; empty means for ever.")
