"""Accounts as other sources landed them: what sources that ask by domain find in the warehouse."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.raw_tables import ensure_raw_tables
from headwater.settings import Settings
from headwater.warehouse import connect


def put_accounts(
    settings: Settings,
    websites: Iterable[str | None] = (),
    *,
    verified: Iterable[str] = (),
    companies: Iterable[str] = (),
) -> None:
    """Land Salesforce accounts with these websites, organizations with these verified domains and
    HubSpot companies with these domains; calling it again adds more."""
    with connect(settings) as connection:
        ensure_raw_tables(connection)
        for table, column, values in (
            ("raw_salesforce.account", "website", websites),
            ("raw_product.organizations", "verified_domain", verified),
            ("raw_hubspot.companies", "domain", companies),
        ):
            for value in values:
                connection.execute(f"insert into {table} ({column}) values (?)", [value])
