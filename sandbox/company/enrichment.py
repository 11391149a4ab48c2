"""What the Crunchbase-like API knows of companies: with gaps, drift and odd home pages."""

from __future__ import annotations

from sandbox.company.companies import Company
from sandbox.company.dice import Dice
from sandbox.company.timeline import ALL_DAYS, at, iso_z
from sandbox.company.versions import Row, VersionLog

BANDS = (
    (10, "c_00001_00010"),
    (50, "c_00011_00050"),
    (100, "c_00051_00100"),
    (250, "c_00101_00250"),
    (500, "c_00251_00500"),
    (1_000, "c_00501_01000"),
    (5_000, "c_01001_05000"),
    (10_000, "c_05001_10000"),
)
LARGEST_BAND = "c_10001_max"


def _stamp(row: Row, t: float) -> None:
    row["properties"] = {**row["properties"], "updated_at": iso_z(t)}


def band(employees: int) -> str:
    """Crunchbase's code for a number of employees."""
    return next((code for largest, code in BANDS if employees <= largest), LARGEST_BAND)


def simulate(companies: list[Company], seed: int) -> VersionLog:
    """The version log of organizations."""
    dice = Dice(seed, "enrichment")
    log = VersionLog(_stamp)
    for company in companies:
        if company.in_crunchbase and company.domain:
            _organization(log, company, dice)
    return log


def _organization(log: VersionLog, company: Company, dice: Dice) -> None:
    uuid = dice.uuid()
    permalink = company.name.lower().replace(" ", "-")
    gap = 0.0 if company.role else 0.12
    properties: Row = {
        "identifier": {
            "permalink": permalink,
            "uuid": uuid,
            "value": company.name,
            "entity_def_id": "organization",
        },
        "rank_org": dice.integer(1_000, 900_000),
    }
    draw = dice.u()
    if company.role or draw > 0.05:
        form = dice.pick(("https://www.{}", "https://{}", "http://www.{}/", "https://{}/?ref=cb"))
        properties["website_url"] = form.format(company.domain)
    elif draw < 0.02:
        properties["website_url"] = f"https://www.linkedin.com/company/{permalink}"
    if not dice.chance(gap):
        properties["categories"] = [{"value": company.industry, "entity_def_id": "category"}]
    if not dice.chance(gap):
        properties["num_employees_enum"] = band(company.employees)
    if not dice.chance(gap / 2):
        properties["country_code"] = company.country
    start = dice.between(-300, -5)
    funded = company.funding_usd is not None and not dice.chance(gap / 2)
    if funded and company.funded is not None and company.funded < start + 5:
        properties.update(_funding(company, company.funding_usd or 0))
    log.put(uuid, start, {"uuid": uuid, "properties": properties})
    if funded and company.funded is not None and company.funded >= start + 5:
        later = {**properties, **_funding(company, company.funding_usd or 0)}
        log.change(uuid, company.funded + 0.5, properties=later)
        properties = later
    if dice.chance(0.35):
        moved = {**properties, "rank_org": dice.integer(1_000, 900_000)}
        log.change(uuid, dice.between(0, ALL_DAYS), properties=moved)


def _funding(company: Company, value: int) -> Row:
    funded = company.funded if company.funded is not None else 0.0
    return {
        "funding_total": {"value": value, "currency": "USD", "value_usd": value},
        "last_funding_at": at(funded).date().isoformat(),
        "last_funding_type": company.funding_type,
    }
