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
    created_at: datetime | None = column(
        "properties.created_at", "When the profile was made, UTC; the order of pages."
    )
    updated_at: datetime = column("properties.updated_at", "Last change, UTC; the cursor.")


class FundingRound(Contract):
    """One row per funding round of a company."""

    uuid: str = column("uuid", "Crunchbase id.")
    permalink: str = column(
        "properties.identifier.permalink", "Last part of the round's address; may change."
    )
    name: str | None = column("properties.identifier.value", "Title, such as Series A - Acme.")
    organization_uuid: str | None = column(
        "properties.funded_organization_identifier.uuid", "The company: organizations.uuid."
    )
    organization_permalink: str | None = column(
        "properties.funded_organization_identifier.permalink",
        "Its permalink when the round was last changed; the uuid is what stays.",
    )
    organization_name: str | None = column(
        "properties.funded_organization_identifier.value", "Its name then."
    )
    investment_type: str | None = column(
        "properties.investment_type", "Type, such as seed or series_a."
    )
    is_equity: bool | None = column("properties.is_equity", "Whether shares were sold.")
    announced_on: date | None = column("properties.announced_on", "Day of the announcement.")
    closed_on: date | None = column(
        "properties.closed_on.value", "Day of closing, to the precision that is known."
    )
    raised_usd: float | None = column(
        "properties.money_raised.value_usd", "Raised, USD at the rate of the day."
    )
    raised: float | None = column(
        "properties.money_raised.value", "Raised, in the currency of the round."
    )
    currency: str | None = column("properties.money_raised.currency", "ISO 4217 currency.")
    investors: int | None = column("properties.num_investors", "Number of investors.")
    lead_investors: list | None = column(  # type: ignore[type-arg]
        "properties.lead_investor_identifiers", "Lead investors, list of {value, permalink}."
    )
    created_at: datetime | None = column("properties.created_at", "When it was entered, UTC.")
    updated_at: datetime = column("properties.updated_at", "Last change, UTC; the cursor.")
