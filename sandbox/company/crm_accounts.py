"""Salesforce users and accounts: customers, prospects, duplicates, families, restaurants."""

from __future__ import annotations

from sandbox.company.companies import Company
from sandbox.company.crm import Crm
from sandbox.company.dice import Dice
from sandbox.company.names import COUNTRIES, CUISINES, FIRST_NAMES, LAST_NAMES, LEGAL_FORMS
from sandbox.company.timeline import ALL_DAYS, HORIZON

AGGREGATORS = ("https://www.linkedin.com/company/", "https://www.facebook.com/")
NO_PLG: dict[str, object] = {
    "PLG_ICP_Tier__c": None,
    "PLG_ICP_Score__c": None,
    "PLG_ICP_Reasons__c": None,
    "PLG_PQL__c": False,
    "PLG_PQL_Reasons__c": None,
}

INTEGRATION = "integration@groupgrub.com"
"""The user that Headwater logs in as: nobody of sales."""


def add_reps(crm: Crm, seed: int) -> None:
    """Fourteen people of sales, two of them gone, and the integration's own user."""
    dice = Dice(seed, "reps")
    for number in range(14):
        first, last = dice.pick(FIRST_NAMES), dice.pick(LAST_NAMES)
        login = f"{first}.{last}.{number}@groupgrub.com".lower()
        rep = crm.add(
            "User", -500, Username=login, Name=f"{first} {last}", Email=login, IsActive=True
        )
        if number < 12:
            crm.reps.append(rep)
        else:
            crm.change("User", rep, 20.0 + 60 * (number - 12), IsActive=False)
    crm.add(
        "User",
        -500,
        Username=INTEGRATION,
        Name="Headwater Integration",
        Email=INTEGRATION,
        IsActive=True,
    )


def add_accounts(crm: Crm, companies: list[Company], seed: int) -> None:
    """Accounts of all companies that sales knows, parents before children."""
    dice = Dice(seed, "accounts")
    for company in sorted(companies, key=lambda c: (c.parent_id is not None, c.id)):
        if company.in_crm:
            _account(crm, company, companies, dice)


def _account(crm: Crm, company: Company, companies: list[Company], dice: Dice) -> None:
    created = dice.between(-400, ALL_DAYS * 0.9) if not company.role else dice.between(-400, 20)
    parent = None
    if company.parent_id is not None:
        known = crm.company_accounts.get(company.parent_id)
        parent = known[0] if known else None
    gap = 0.0 if company.role else 1.0
    fields: dict[str, object] = {
        "Name": company.name + _legal(company, dice),
        "Website": _website(company, companies, dice),
        "Type": "Competitor" if company.kind == "competitor" else "Prospect",
        "Industry": None if dice.chance(0.25 * gap) else company.industry,
        "NumberOfEmployees": None if dice.chance(0.35 * gap) else _about(company.employees, dice),
        "BillingCountry": None if dice.chance(0.1) else COUNTRIES[company.country],
        "ParentId": parent,
        "OwnerId": dice.pick(crm.reps),
        "MasterRecordId": None,
        **NO_PLG,
    }
    account = crm.add("Account", created, **fields)
    _own(crm, account, company)
    _life(crm, account, company, created, dice)
    if company.role or company.parent_id:
        return
    draw = dice.u()
    if draw < 0.06:
        later = created + dice.between(1, 150)
        twin = crm.add(
            "Account",
            later,
            **{
                **fields,
                "Name": company.name if dice.chance(0.5) else company.name.upper(),
                "Website": company.alias_domain or company.domain,
            },
        )
        if twin not in crm.logs["Account"]:
            return
        _own(crm, twin, company)
        if draw < 0.03:
            merged = later + dice.between(3, 60)
            crm.change("Account", twin, merged, IsDeleted=True, MasterRecordId=account)
    elif draw < 0.065 and company.signup is None:
        crm.change("Account", account, created + dice.between(5, 300), IsDeleted=True)


def _own(crm: Crm, account: str, company: Company) -> None:
    if account in crm.logs["Account"]:
        crm.account_company[account] = company
        crm.company_accounts.setdefault(company.id, []).append(account)


def _life(crm: Crm, account: str, company: Company, created: float, dice: Dice) -> None:
    """Owners move, sizes are corrected, prospects become customers."""
    if dice.chance(0.3):
        crm.change("Account", account, created + dice.exponential(90), OwnerId=dice.pick(crm.reps))
    if company.signup is not None and company.kind == "customer" and dice.chance(0.3):
        t = max(created, company.signup) + dice.between(20, 120)
        if t < HORIZON:
            crm.change("Account", account, t, Type="Customer")


def _legal(company: Company, dice: Dice) -> str:
    return dice.pick(LEGAL_FORMS[company.country]) if dice.chance(0.4) else ""


def _about(employees: int, dice: Dice) -> int:
    return max(1, round(employees * dice.between(0.85, 1.15)))


def _website(company: Company, companies: list[Company], dice: Dice) -> str | None:
    """The website as somebody typed it: missing, an aggregator, an alias, or even another's."""
    domain = company.domain
    draw = dice.u()
    if company.role is None:
        if draw < 0.07:
            return None
        if draw < 0.085:
            return dice.pick(AGGREGATORS) + company.name.split()[0].lower()
        if draw < 0.093:
            return dice.pick(companies).domain
        if draw < 0.14 and company.alias_domain:
            domain = company.alias_domain
    form = dice.pick(("{}", "www.{}", "https://{}", "https://www.{}/", "http://{}/en?ref=crm"))
    return form.format(domain if dice.chance(0.95) else str(domain).upper())


def add_restaurants(crm: Crm, count: int, seed: int) -> list[dict[str, object]]:
    """The supply side: restaurant accounts, and the rows of the product's restaurants."""
    dice = Dice(seed, "restaurants")
    restaurants: list[dict[str, object]] = []
    for number in range(1, count + 1):
        name = f"{dice.pick(LAST_NAMES)}'s {dice.pick(CUISINES)}"
        site = f"{name.lower().replace(chr(39), '').replace(' ', '')}{number}.com"
        city = dice.pick(("New York", "London", "Berlin", "Paris", "Amsterdam", "Madrid"))
        restaurants.append({"id": number, "name": name, "website": site, "city": city})
        crm.add(
            "Account",
            dice.between(-300, 60),
            Name=name,
            Website=site,
            Type="Restaurant",
            Industry="Restaurants",
            NumberOfEmployees=dice.integer(3, 40),
            BillingCountry=dice.pick(tuple(COUNTRIES.values())),
            ParentId=None,
            OwnerId=crm.reps[-1],
            MasterRecordId=None,
            **NO_PLG,
        )
    return restaurants
