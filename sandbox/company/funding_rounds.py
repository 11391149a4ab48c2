"""Funding rounds: what a company raised, in one to four rounds that add up to it, and now and then
a loan or a grant of which no amount is known."""

from __future__ import annotations

from sandbox.company.companies import Company
from sandbox.company.dice import Dice
from sandbox.company.timeline import ALL_DAYS, at, iso_z
from sandbox.company.versions import Row, VersionLog

LADDER = ("seed", "series_a", "series_b", "series_c")
INVESTORS = (
    "Northlight Ventures",
    "Harbor Capital",
    "Third Street Partners",
    "Kiln Growth",
    "Oakfield Angels",
    "Meridian Fund",
)
OTHER_CURRENCIES = {"GB": ("GBP", 0.79), "DE": ("EUR", 0.92), "FR": ("EUR", 0.92)}
"""Units of the currency for a dollar, about what they were."""


def add(log: VersionLog, company: Company, organization: str, dice: Dice) -> None:
    """The rounds of one company, the last of equity being what its organization shows."""
    if dice.chance(0.06):
        type_ = dice.pick(("debt_financing", "grant", "convertible_note"))
        _round(log, company, organization, type_, dice.between(120, ALL_DAYS), None, dice)
    if not company.funding_usd:
        return
    last_type = str(company.funding_type)
    steps = LADDER.index(last_type) if last_type in LADDER else 0
    types = [*LADDER[:steps], last_type]
    shares = [3.0**position for position in range(len(types))]
    funded = company.funded if company.funded is not None else 0.0
    for position, type_ in enumerate(types):
        day = funded - 420.0 * (len(types) - 1 - position)
        raised = int(company.funding_usd * shares[position] / sum(shares))
        _round(log, company, organization, type_, day, raised, dice)


def _round(
    log: VersionLog,
    company: Company,
    organization: str,
    type_: str,
    day: float,
    raised: int | None,
    dice: Dice,
) -> None:
    uuid = dice.uuid()
    permalink = company.name.lower().replace(" ", "-")
    title = f"{type_.replace('_', ' ').title()} - {company.name}"
    entered = day + dice.between(0.2, 6)
    properties: Row = {
        "identifier": {
            "permalink": f"{permalink}-{type_.replace('_', '-')}--{uuid[:8]}",
            "uuid": uuid,
            "value": title,
            "entity_def_id": "funding_round",
        },
        "funded_organization_identifier": {
            "permalink": permalink,
            "uuid": organization,
            "value": company.name,
            "entity_def_id": "organization",
        },
        "investment_type": type_,
        "is_equity": raised is not None,
        "announced_on": at(day).date().isoformat(),
        "created_at": iso_z(entered),
    }
    if dice.chance(0.2):
        month = at(day).date().replace(day=1).isoformat()
        properties["closed_on"] = {"precision": "month", "value": month}
    if raised is not None and not dice.chance(0.12):  # the others are undisclosed
        properties["money_raised"] = _money(company, raised, dice)
    if dice.chance(0.7):
        name = dice.pick(INVESTORS)
        lead = {"value": name, "permalink": name.lower().replace(" ", "-")}
        properties["lead_investor_identifiers"] = [lead]
        properties["num_investors"] = dice.integer(1, 9)
    log.put(uuid, entered, {"uuid": uuid, "properties": properties})
    if dice.chance(0.15):
        corrected = {**properties, "num_investors": dice.integer(2, 12)}
        later = dice.between(max(entered, 0.0), ALL_DAYS)
        log.change(uuid, later, properties=corrected)


def _money(company: Company, raised: int, dice: Dice) -> Row:
    currency, rate = OTHER_CURRENCIES.get(company.country, ("USD", 1.0))
    if currency == "USD" or dice.chance(0.5):
        return {"value": raised, "currency": "USD", "value_usd": raised}
    return {"value": round(raised * rate), "currency": currency, "value_usd": raised}
