"""Salesforce leads and contacts: from forms, from lists, of users, doubled, merged, converted."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.company.agents import ProductLife
from sandbox.company.companies import Company
from sandbox.company.crm import Crm
from sandbox.company.crm_accounts import NO_PLG
from sandbox.company.dice import Dice
from sandbox.company.names import COUNTRIES
from sandbox.company.people import Human, Population
from sandbox.company.timeline import ALL_DAYS, day

SHARED_INBOXES = ("office", "info", "hello")


@dataclass
class _Sources:
    crm: Crm
    people: Population
    dice: Dice
    calls: Dice


def add_people(
    crm: Crm, companies: list[Company], people: Population, life: ProductLife, seed: int
) -> None:
    """All leads and contacts of the world."""
    sources = _Sources(crm, people, Dice(seed, "leads"), Dice(seed, "calls to contacts"))
    dice = sources.dice
    for form in life.forms:
        if dice.chance(0.85 if form.kind == "demo" else 0.15):
            _lead(sources, form.human, form.t + 0.01, "Web", email=form.email)
    for user in life.users:
        company = user.human.company
        if company.kind == "internal":
            continue
        draw = dice.u()
        if draw < 0.03:
            _lead(sources, user.human, user.created - dice.exponential(40), "Trade Show")
        elif draw < 0.06:
            account = crm.account_of(company)
            if account:
                contact = _contact(
                    sources, user.human, account, user.created + dice.between(-60, 60)
                )
                if dice.chance(0.3):
                    crm.change("Contact", contact, user.created + 70, PLG_User_Id__c=str(user.id))
    for company in companies:
        if company.kind == "internal":
            continue
        for _ in range(int(dice.exponential(0.9))):
            _lead(
                sources,
                people.human(company),
                dice.between(-250, ALL_DAYS),
                dice.pick(("Purchased List", "Trade Show", "Referral", "Webinar")),
            )
        account = crm.account_of(company)
        if account:
            for _ in range(dice.integer(0, 3)):
                _contact(sources, people.human(company), account, dice.between(-250, ALL_DAYS))
        if company.domain and dice.chance(0.02):
            _shared_inbox(sources, company)


def _lead(
    sources: _Sources, human: Human, t: float, source: str, *, email: str | None = None
) -> str:
    crm, dice, company = sources.crm, sources.dice, human.company
    address = email or sources.people.typed(human, _address(sources, human))
    fields: dict[str, object] = {
        "Email": address,
        "FirstName": human.first_name if dice.chance(0.95) else None,
        "LastName": human.last_name,
        "Title": human.title if dice.chance(0.8) else None,
        "Company": company.name if dice.chance(0.9) else company.name.split()[0],
        "Website": company.domain if company.domain and dice.chance(0.25) else None,
        "Country": COUNTRIES[company.country] if dice.chance(0.8) else None,
        "Status": "New",
        "LeadSource": source,
        "OwnerId": dice.pick(crm.reps),
        "IsConverted": False,
        "ConvertedDate": None,
        "ConvertedAccountId": None,
        "ConvertedContactId": None,
        "ConvertedOpportunityId": None,
        "MasterRecordId": None,
        "DoNotCall": dice.chance(0.03),
        "HasOptedOutOfEmail": dice.chance(0.05),
        "PLG_User_Id__c": None,
        "PLG_Org_Id__c": None,
        **NO_PLG,
    }
    lead = crm.add("Lead", t, **fields)
    if lead not in crm.logs["Lead"]:
        return lead
    crm.person_human[lead] = human
    _lead_life(sources, lead, human, t)
    draw = dice.u()
    if draw < 0.05:
        again = t + dice.between(1, 120)
        twin = crm.add(
            "Lead",
            again,
            **{
                **fields,
                "Email": sources.people.typed(human, human.addresses[0], dirt=0.5),
                "LeadSource": "Web",
            },
        )
        if twin in crm.logs["Lead"]:
            crm.person_human[twin] = human
            if draw < 0.02:
                crm.change("Lead", twin, again + 9, IsDeleted=True, MasterRecordId=lead)
    elif draw < 0.06:
        crm.change("Lead", lead, t + dice.between(30, 200), IsDeleted=True)
    return lead


def _address(sources: _Sources, human: Human) -> str:
    """Mostly the main address; sometimes that at the company's other domain."""
    alias = human.company.alias_domain
    if alias and sources.dice.chance(0.2):
        return sources.people.alias_address(human, alias)
    return human.addresses[0]


def _lead_life(sources: _Sources, lead: str, human: Human, t: float) -> None:
    crm, dice = sources.crm, sources.dice
    if dice.chance(0.5):
        t += dice.exponential(8)
        crm.change("Lead", lead, t, Status="Working")
    if dice.chance(0.2):
        crm.change("Lead", lead, t + dice.exponential(20), Status="Nurturing")
    elif dice.chance(0.12):
        account = crm.account_of(human.company)
        if account is None:
            return
        t += dice.between(3, 40)
        if t >= ALL_DAYS:
            return
        contact = _contact(sources, human, account, t)
        crm.change(
            "Lead",
            lead,
            t,
            Status="Qualified",
            IsConverted=True,
            ConvertedDate=day(max(0, int(t))).isoformat(),
            ConvertedAccountId=account,
            ConvertedContactId=contact,
        )


def _contact(sources: _Sources, human: Human, account: str, t: float) -> str:
    crm, dice = sources.crm, sources.dice
    contact = crm.add(
        "Contact",
        t,
        AccountId=account,
        Email=sources.people.typed(human, _address(sources, human)) if dice.chance(0.97) else None,
        FirstName=human.first_name,
        LastName=human.last_name,
        Title=human.title if dice.chance(0.8) else None,
        OwnerId=dice.pick(crm.reps),
        MasterRecordId=None,
        DoNotCall=sources.calls.chance(0.03),
        HasOptedOutOfEmail=dice.chance(0.05),
        PLG_User_Id__c=None,
    )
    if contact in crm.logs["Contact"]:
        crm.person_human[contact] = human
        if dice.chance(0.01):
            crm.change("Contact", contact, t + dice.between(20, 200), IsDeleted=True)
    return contact


def _shared_inbox(sources: _Sources, company: Company) -> None:
    """Two different people of one company leave the same shared address."""
    address = f"{sources.dice.pick(SHARED_INBOXES)}@{company.domain}"
    for _ in range(2):
        human = sources.people.human(company)
        _lead(sources, human, sources.dice.between(-100, ALL_DAYS), "Web", email=address)
