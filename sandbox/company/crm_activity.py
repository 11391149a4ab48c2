"""Salesforce opportunities, tasks and campaigns: what sales and marketing did."""

from __future__ import annotations

from sandbox.company.companies import Company
from sandbox.company.crm import Crm
from sandbox.company.dice import Dice
from sandbox.company.timeline import ALL_DAYS, DAYS, HORIZON, at

OPEN_STAGES = ("Prospecting", "Qualification", "Needs Analysis", "Value Proposition")
LATE_STAGES = ("Proposal/Price Quote", "Negotiation/Review")


def add_opportunities(crm: Crm, companies: list[Company], seed: int) -> None:
    """Ordinary opportunities, and the planted active ones on an account or its parent."""
    dice = Dice(seed, "opportunities")
    by_id = {company.id: company for company in companies}
    for company in companies:
        account = crm.account_of(company)
        if company.role == "opportunity" and account:
            _active(crm, account, company, dice)
        elif company.role == "parent_opportunity":
            parent = by_id[company.parent_id or 0]
            above = crm.account_of(parent)
            if above:
                _active(crm, above, parent, dice)
        elif account and company.role is None and company.kind == "customer" and dice.chance(0.24):
            _ordinary(crm, account, company, dice)


def _add(
    crm: Crm, account: str, company: Company, t: float, stage: str, touched: float, dice: Dice
) -> str:
    return crm.add(
        "Opportunity",
        t,
        AccountId=account,
        Name=f"{company.name} - Enterprise plan",
        StageName=stage,
        Amount=float(dice.integer(20, 400) * 250),
        CloseDate=at(t + dice.between(40, 120)).date().isoformat(),
        IsClosed=False,
        IsWon=False,
        OwnerId=dice.pick(crm.reps),
        LastActivityDate=at(min(touched, HORIZON)).date().isoformat(),
    )


def _active(crm: Crm, account: str, company: Company, dice: Dice) -> None:
    start = DAYS - dice.between(20, 60)
    stage = dice.pick(LATE_STAGES + OPEN_STAGES[2:])
    opportunity = _add(crm, account, company, start, OPEN_STAGES[0], start + 1, dice)
    touched = DAYS - dice.between(2, 12)
    crm.change(
        "Opportunity",
        opportunity,
        touched,
        StageName=stage,
        LastActivityDate=at(touched).date().isoformat(),
    )


def _ordinary(crm: Crm, account: str, company: Company, dice: Dice) -> None:
    start = dice.between(-200, ALL_DAYS - 5)
    opportunity = _add(crm, account, company, start, dice.pick(OPEN_STAGES), start + 3, dice)
    t = start
    for stage in (dice.pick(OPEN_STAGES), dice.pick(LATE_STAGES)):
        t += dice.exponential(15)
        if dice.chance(0.6):
            date = at(min(t, HORIZON)).date().isoformat()
            crm.change("Opportunity", opportunity, t, StageName=stage, LastActivityDate=date)
    if dice.chance(0.65):
        won = dice.chance(0.35)
        t += dice.between(5, 40)
        crm.change(
            "Opportunity",
            opportunity,
            t,
            StageName="Closed Won" if won else "Closed Lost",
            IsClosed=True,
            IsWon=won,
            CloseDate=at(min(t, HORIZON)).date().isoformat(),
        )
    elif dice.chance(0.04):
        crm.change("Opportunity", opportunity, t + 10, IsDeleted=True)


def add_tasks(crm: Crm, seed: int) -> None:
    """Calls and mails of reps on leads and contacts."""
    dice = Dice(seed, "tasks")
    for person in list(crm.person_human):
        if not dice.chance(0.4):
            continue
        t = dice.between(-100, ALL_DAYS)
        task = crm.add(
            "Task",
            t,
            WhoId=person,
            WhatId=None,
            Subject=dice.pick(("Call", "Email", "Follow up", "Send price list")),
            Status="Not Started",
            ActivityDate=at(t + 2).date().isoformat(),
            OwnerId=dice.pick(crm.reps),
        )
        if dice.chance(0.8):
            crm.change("Task", task, t + dice.between(0.2, 6), Status="Completed")


def add_campaigns(crm: Crm, seed: int) -> None:
    """Six campaigns with members from leads and contacts."""
    dice = Dice(seed, "campaigns")
    campaigns = []
    names = (
        ("Feeding hybrid teams", "Webinar"),
        ("Spring newsletter", "Email"),
        ("Office managers' summit", "Trade Show"),
        ("Lunch on us", "Email"),
        ("Team food benchmark", "Content"),
        ("Autumn newsletter", "Email"),
    )
    for number, (name, kind) in enumerate(names):
        t = 10.0 + 40 * number
        campaign = crm.add(
            "Campaign",
            t,
            Name=name,
            Type=kind,
            Status="Planned",
            StartDate=at(t + 10).date().isoformat(),
        )
        crm.change("Campaign", campaign, t + 10, Status="In Progress")
        crm.change("Campaign", campaign, t + 30, Status="Completed")
        campaigns.append((t + 10, campaign))
    for person in crm.person_human:
        if not dice.chance(0.3):
            continue
        start, campaign = dice.pick(campaigns)
        t = start + dice.between(0, 15)
        lead = person if person.startswith("00Q") else None
        member = crm.add(
            "CampaignMember",
            t,
            CampaignId=campaign,
            LeadId=lead,
            ContactId=None if lead else person,
            Status="Sent",
            HasResponded=False,
        )
        if dice.chance(0.25):
            crm.change(
                "CampaignMember",
                member,
                t + dice.between(0.1, 9),
                Status="Responded",
                HasResponded=True,
            )
