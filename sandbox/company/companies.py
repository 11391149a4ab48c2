"""Companies: who they are, how well they fit, where they show, and what is planted on them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sandbox.company.dice import Dice
from sandbox.company.names import (
    COUNTRIES,
    COUNTRY_WEIGHTS,
    TOP_LEVEL_DOMAINS,
    CompanyNames,
)
from sandbox.company.sizes import Size
from sandbox.company.timeline import ALL_DAYS, DAYS

OWN_DOMAIN = "groupgrub.com"

GOOD_INDUSTRIES = ("Software", "FinTech", "E-Commerce", "Media")
OTHER_INDUSTRIES = ("Healthcare", "Manufacturing", "Construction", "Education", "Nonprofit")
POOR_INDUSTRY = "Gambling"

ROLES = (
    "opportunity",
    "parent_opportunity",
    "sheet_workspace",
    "sheet_account",
    "sheet_domain",
    "extension",
    "no_consent",
    "high_use_high_fit",
    "high_use_high_fit",
    "high_use_high_fit",
    "high_use_low_fit",
    "high_use_low_fit",
    "some_use_high_fit",
    "some_use_low_fit",
    "crosses_tomorrow",
    "upgrades_tomorrow",
)
"""What is planted on a company whose first workspace is over its plan at the first cycle.

The first seven are cut by exactly one predicate of the nested audiences; ``crosses_tomorrow``
passes its plan on the day after, ``upgrades_tomorrow`` buys a larger one then.
"""


@dataclass
class Company:
    """One real company. ``fit`` is latent (0 to 1); ``signup`` is in days, None without product."""

    id: int
    name: str
    industry: str
    country: str
    fit: float
    employees: int
    funding_usd: int | None
    funded: float | None
    funding_type: str | None
    domain: str | None
    alias_domain: str | None
    kind: str
    parent_id: int | None = None
    signup: float | None = None
    members: int = 0
    in_crm: bool = False
    in_crunchbase: bool = False
    role: str | None = None
    surge: float | None = None
    invite_wave: float | None = None
    domains: tuple[str, ...] = field(default=())


def simulate(size: Size, seed: int) -> list[Company]:
    """All companies of a world, ids from 1 upwards, GroupGrub itself being the first."""
    dice = Dice(seed, "companies")
    names = CompanyNames(dice)
    companies = [_own_company()]
    used_domains = {OWN_DOMAIN}
    for number in range(2, size.companies + 2):
        companies.append(_company(number, dice, names, used_domains))
    _plant_families(companies, dice)
    _plant_roles(companies, dice)
    _plant_waves(companies, dice)
    for company in companies:
        company.domains = tuple(d for d in (company.domain, company.alias_domain) if d)
    return companies


def _own_company() -> Company:
    return Company(
        id=1,
        name="GroupGrub",
        industry="Software",
        country="US",
        fit=0.5,
        employees=180,
        funding_usd=None,
        funded=None,
        funding_type=None,
        domain=OWN_DOMAIN,
        alias_domain=None,
        kind="internal",
        signup=0.4,
        members=14,
    )


def _company(number: int, dice: Dice, names: CompanyNames, used: set[str]) -> Company:
    fit = min(0.99, max(0.01, 0.5 + 0.22 * dice.normal()))
    industry = _industry(dice, fit)
    country = _weighted(dice, tuple(COUNTRIES), COUNTRY_WEIGHTS)
    name = names.draw(industry)
    free_mail = dice.chance(0.08)
    kind = "customer"
    if not free_mail:
        draw = dice.u()
        kind = "competitor" if draw < 0.006 else "agency" if draw < 0.022 else "customer"
    domain = None if free_mail else _domain(name, country, dice, used)
    alias = None
    if domain and dice.chance(0.07):
        alias = _alias(domain, used)
    funded_share = 0.08 + 0.75 * fit
    funding = funded = funding_type = None
    if not free_mail and dice.chance(funded_share):
        funding = int(max(0.2, dice.lognormal(6 + 22 * fit, 1.0)) * 1_000_000) // 10_000 * 10_000
        funded = dice.between(-900 + 500 * fit, DAYS - 15)
        funding_type = dice.pick(("seed", "series_a", "series_b", "series_c", "series_unknown"))
    employees = 1 + int(dice.lognormal(8 if free_mail else 25 + 220 * fit, 1.0))
    in_product = kind != "agency" and dice.chance(0.8)
    members = 0
    signup = None
    if in_product:
        signup = ALL_DAYS * dice.u() ** 0.85
        members = 1 + int(dice.lognormal(1.2 if free_mail else 8.8, 0.9))
    return Company(
        id=number,
        name=name,
        industry=industry,
        country=country,
        fit=fit,
        employees=max(employees, members),
        funding_usd=funding,
        funded=funded,
        funding_type=funding_type,
        domain=domain,
        alias_domain=alias,
        kind=kind,
        signup=signup,
        members=members,
        in_crm=not free_mail and (kind == "competitor" or dice.chance(0.6 if in_product else 0.9)),
        in_crunchbase=not free_mail and dice.chance(0.55 + 0.35 * fit),
    )


def _industry(dice: Dice, fit: float) -> str:
    draw = dice.u()
    if draw < 0.15 + 0.75 * fit:
        return dice.pick(GOOD_INDUSTRIES)
    if draw > 0.985 - 0.02 * (1 - fit):
        return POOR_INDUSTRY
    return dice.pick(OTHER_INDUSTRIES)


def _weighted(dice: Dice, items: tuple[str, ...], weights: tuple[float, ...]) -> str:
    draw = dice.u()
    for item, weight in zip(items, weights, strict=True):
        draw -= weight
        if draw < 0:
            return item
    return items[-1]


def _domain(name: str, country: str, dice: Dice, used: set[str]) -> str:
    words = re.sub(r"[^a-z0-9 ]", "", name.lower()).split()
    stem = dice.pick(("".join(words), "-".join(words)))
    domain = f"{stem}.{dice.pick(TOP_LEVEL_DOMAINS[country])}"
    if domain in used:
        domain = f"{stem}-group.com"
    used.add(domain)
    return domain


def _alias(domain: str, used: set[str]) -> str | None:
    stem = domain.split(".", 1)[0]
    for alias in (f"get{stem}.com", f"{stem}.app", f"{stem}hq.com"):
        if alias not in used:
            used.add(alias)
            return alias
    return None


def _plant_families(companies: list[Company], dice: Dice) -> None:
    """About one company in sixteen is a subsidiary of another, with a domain of its own."""
    parents = [c for c in companies if c.kind == "customer" and c.domain and c.employees > 60]
    for company in companies[1:]:
        if not parents or company.kind != "customer" or not company.domain:
            continue
        if dice.chance(0.06):
            parent = dice.pick(parents)
            if parent.id != company.id and parent.parent_id is None:
                company.parent_id = parent.id
                parent.in_crm = company.in_crm = True


def _plant_roles(companies: list[Company], dice: Dice) -> None:
    """Give some 5% of the companies with a product a role in the overage audiences."""
    candidates = [
        c
        for c in companies
        if c.kind == "customer" and c.domain and c.signup is not None and c.parent_id is None
    ]
    candidates.sort(key=lambda c: (c.signup or 0.0, c.id))
    candidates = candidates[: int(len(candidates) * 0.6)]
    rounds = max(1, round(len(companies) * 0.05 / len(ROLES)))
    order = dice.rng.permutation(len(candidates)).tolist()
    parents = iter([c for c in companies if c.kind == "customer" and c.domain and c.signup is None])
    taken = {c.parent_id for c in companies}
    chosen = (candidates[i] for i in order if candidates[i].id not in taken)
    for role in ROLES * rounds:
        company = next(chosen, None)
        if company is None:
            return
        company.role = role
        company.signup = min(company.signup or 0.0, DAYS * 0.65)
        company.members = max(4, min(company.members, 12))
        company.alias_domain = None
        if role in {"opportunity", "parent_opportunity", "sheet_account"}:
            company.in_crm = True
        if role == "parent_opportunity":
            parent = next(parents)
            company.parent_id = parent.id
            parent.in_crm = True
        if "fit" in role or role in {"no_consent", "crosses_tomorrow"}:
            _set_fit(company, high=not role.endswith("low_fit"), dice=dice)


def _set_fit(company: Company, *, high: bool, dice: Dice) -> None:
    company.in_crunchbase = True
    if high:
        company.fit = 0.92
        company.industry = dice.pick(GOOD_INDUSTRIES)
        company.funding_usd = dice.integer(20, 90) * 1_000_000
        company.funded = dice.between(20, DAYS - 40)
        company.funding_type = "series_b"
        company.employees = dice.integer(150, 600)
    else:
        company.fit = 0.12
        company.industry = dice.pick(OTHER_INDUSTRIES)
        company.funding_usd = dice.integer(2, 9) * 100_000
        company.funded = dice.between(-1200, -700)
        company.funding_type = "seed"
        company.employees = dice.integer(8, 20)


def _plant_waves(companies: list[Company], dice: Dice) -> None:
    """Real surges (several people open workspaces in one week) and decoys (one invites many)."""
    plain = [
        c
        for c in companies
        if c.role is None
        and c.kind == "customer"
        and c.domain
        and c.signup is not None
        and c.signup < DAYS * 0.7
    ]
    waves = max(2, len(companies) // 500)
    for number in range(min(waves, len(plain) // 4)):
        recent = number % 2 == 0
        week = DAYS - dice.between(5.5, 6.5) if recent else dice.between(175, DAYS - 20)
        surging = plain.pop(dice.integer(0, len(plain) - 1))
        surging.surge = week
        decoy = plain.pop(dice.integer(0, len(plain) - 1))
        decoy.invite_wave = week
