"""What the Crunchbase-like enrichment API delivers."""

from __future__ import annotations

from datetime import date, datetime

from connectors.contract import Contract, column


class Organization(Contract):
    """One row per enriched company."""

    uuid: str = column("uuid", "Crunchbase id.")
    permalink: str = column(
        "properties.identifier.permalink", "Last part of the profile's address."
    )
    name: str = column("properties.identifier.value", "Name.")
    website_url: str | None = column("properties.website_url", "Home page.")
    categories: list | None = column("properties.categories", "Industries, list of {value}.")  # type: ignore[type-arg]
    employees_band: str | None = column(
        "properties.num_employees_enum", "Band code, such as c_00051_00100."
    )
    funding_total_usd: float | None = column(
        "properties.funding_total.value_usd", "Raised in total, USD."
    )
    last_funding_on: date | None = column("properties.last_funding_at", "Date of the last round.")
    last_funding_type: str | None = column("properties.last_funding_type", "Type of that round.")
    country_code: str | None = column("properties.country_code", "ISO 3166 two-letter country.")
    rank_org: int | None = column("properties.rank_org", "Crunchbase rank.")
    updated_at: datetime = column("properties.updated_at", "Last change, UTC; the cursor.")
