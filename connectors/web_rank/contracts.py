"""What the two vendors of web rank deliver."""

from __future__ import annotations

from datetime import date

from connectors.contract import Contract, column


class Rank(Contract):
    """One row per domain that ever was on a list, as the newest list with it says."""

    rank: int = column("rank", "Place on the list, 1 being the most popular.")
    domain: str = column("domain", "Registrable domain, as the list writes it.")
    list_id: str = column("list_id", "The list's permanent id, for citing it.")
    listed_on: date = column(
        "listed_on", "Day of the list. Older than the newest: the domain has left the list."
    )


class Visits(Contract):
    """One row per domain and month that was asked about."""

    domain: str = column("domain", "Registrable domain.")
    month: date = column("date", "First day of the month.")
    visits: float | None = column(
        "visits", "Estimated visits, desktop and mobile; null where the vendor has no estimate."
    )
    status: str = column("status", "`estimated`, or `unknown` where the vendor has no estimate.")
    country: str = column("country", "Country of the visits, or world.")
    last_updated: date | None = column("last_updated", "Up to when the vendor's data went.")
