"""What the sheet of manual exclusions holds. People type it: everything but the line is text."""

from __future__ import annotations

from connectors.contract import Contract, Pii, column


class Exclusion(Contract):
    """One row per filled line of the sheet."""

    row_number: int = column("row_number", "Line in the sheet, the first being 1.")
    key: str = column(
        "key", "Workspace id, Salesforce account id or domain, as typed but for what nobody sees."
    )
    reason: str | None = column("reason", "Why, as typed.", pii=Pii.FREE_TEXT)
    owner: str | None = column("owner", "Who asked for it.", pii=Pii.CONTACT)
    expires_on: str | None = column(
        "expires_on",
        "Last day: ISO 8601 where it can be read, else as typed; empty is for ever.",
    )
    as_typed: dict | None = column(  # type: ignore[type-arg]
        "as_typed", "The cells of the line that were made plain, as they were.", pii=Pii.FREE_TEXT
    )
