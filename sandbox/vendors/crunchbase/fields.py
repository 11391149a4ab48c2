"""The fields of each collection: what kind each is, and where its value stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit


class Kind(StrEnum):
    """What kind of value a field holds."""

    TEXT = "text"
    URL = "url"
    NUMBER = "number"
    MONEY = "money"
    DATE = "date"
    TIME = "time"
    IDENTIFIER = "identifier"
    IDENTIFIERS = "identifiers"
    ENUM = "enum"
    PRECISE_DATE = "precise date"
    BOOLEAN = "boolean"


ORGANIZATION: dict[str, Kind] = {
    "identifier": Kind.IDENTIFIER,
    "name": Kind.TEXT,
    "legal_name": Kind.TEXT,
    "permalink": Kind.TEXT,
    "short_description": Kind.TEXT,
    "website_url": Kind.URL,
    "categories": Kind.IDENTIFIERS,
    "category_groups": Kind.IDENTIFIERS,
    "location_identifiers": Kind.IDENTIFIERS,
    "country_code": Kind.ENUM,
    "num_employees_enum": Kind.ENUM,
    "operating_status": Kind.ENUM,
    "last_funding_type": Kind.ENUM,
    "last_equity_funding_type": Kind.ENUM,
    "funding_total": Kind.MONEY,
    "last_funding_total": Kind.MONEY,
    "last_funding_at": Kind.DATE,
    "founded_on": Kind.DATE,
    "rank_org": Kind.NUMBER,
    "rank_org_company": Kind.NUMBER,
    "num_funding_rounds": Kind.NUMBER,
    "created_at": Kind.TIME,
    "updated_at": Kind.TIME,
}
FUNDING_ROUND: dict[str, Kind] = {
    "identifier": Kind.IDENTIFIER,
    "name": Kind.TEXT,
    "permalink": Kind.TEXT,
    "short_description": Kind.TEXT,
    "funded_organization_identifier": Kind.IDENTIFIER,
    "investment_type": Kind.ENUM,
    "is_equity": Kind.BOOLEAN,
    "announced_on": Kind.DATE,
    "closed_on": Kind.PRECISE_DATE,
    "money_raised": Kind.MONEY,
    "num_investors": Kind.NUMBER,
    "lead_investor_identifiers": Kind.IDENTIFIERS,
    "investor_identifiers": Kind.IDENTIFIERS,
    "rank_funding_round": Kind.NUMBER,
    "created_at": Kind.TIME,
    "updated_at": Kind.TIME,
}
COLLECTIONS = {"organizations": ORGANIZATION, "funding_rounds": FUNDING_ROUND}
"""By the name of a collection: its fields."""

ENTITY = {"organizations": "organization", "funding_rounds": "funding_round"}
"""By the name of a collection: what one of it is called."""


def sql(field_id: str, kind: Kind) -> str:
    """SQL for the comparable value of a field in a document."""
    value = f"document ->> '$.properties.{field_id}'"
    if kind is Kind.IDENTIFIER:
        return f"document ->> '$.properties.{field_id}.permalink'"
    if kind is Kind.MONEY:
        return f"cast(document ->> '$.properties.{field_id}.value_usd' as real)"
    if kind is Kind.NUMBER:
        return f"cast({value} as real)"
    if kind in {Kind.DATE, Kind.PRECISE_DATE}:
        return f"coalesce(document ->> '$.properties.{field_id}.value', {value})"
    if kind is Kind.URL:
        return f"host({value})"
    return f"lower({value})" if kind is Kind.TEXT else value


def comparable(kind: Kind, value: Any) -> Any:
    """A predicate's value in the form of :func:`sql`. Raises ``ValueError``."""
    return _COMPARABLE.get(kind, str)(value)


def time_text(value: Any) -> str:
    """A moment as the vendor writes it, UTC to the second."""
    at = datetime.fromisoformat(str(value))
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def host(url: str | None) -> str | None:
    """The host of an address, without ``www.``."""
    if not url:
        return None
    found = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    return found.removeprefix("www.").lower() or None


def _money(value: Any) -> float:
    return float(value["value"] if isinstance(value, dict) else value)


_COMPARABLE: dict[Kind, Callable[[Any], Any]] = {
    Kind.NUMBER: float,
    Kind.MONEY: _money,
    Kind.TIME: time_text,
    Kind.URL: lambda value: host(str(value)),
    Kind.TEXT: lambda value: str(value).lower(),
    Kind.BOOLEAN: int,
}
