"""Marketo's programs: who was mailed, who came, and what they did with the mail."""

from __future__ import annotations

from sandbox.company.agents import ProductLife
from sandbox.company.crm import Crm
from sandbox.company.dice import Dice
from sandbox.company.marketo import (
    SET_UP,
    Marketo,
    add_forms,
    add_leads,
    attributes,
    change,
    living,
)
from sandbox.company.timeline import MINUTE

FIRST_PROGRAM, FIRST_LIST = 1011, 2001
SEND, DELIVERED, BOUNCED, UNSUBSCRIBE, OPEN, CLICK = 6, 7, 8, 9, 10, 11
VISIT, ADD_TO_LIST, INTERESTING, CHANGE_STATUS = 1, 24, 46, 104
MEMBER_SHARE = 0.14
TYPES = {"Webinar": "Event", "Trade Show": "Event", "Email": "Email", "Content": "Default"}
LISTS = ("Newsletter readers", "Imported at set-up", "Webinar guests")


def simulate(crm: Crm, life: ProductLife, seed: int) -> Marketo:
    """All of Marketo, its activities numbered."""
    marketo = Marketo()
    add_leads(marketo, crm, life, seed)
    add_programs(marketo, crm, seed)
    add_forms(marketo, life, seed)
    marketo.number()
    return marketo


def add_programs(marketo: Marketo, crm: Crm, seed: int) -> None:
    """A program per Salesforce campaign, lists, members and mail."""
    dice = Dice(seed, "marketo programs")
    programs = []
    for number, (_, versions) in enumerate(crm.logs["Campaign"].states()):
        created, row = versions[0]
        program = FIRST_PROGRAM + number
        t = max(created, float(SET_UP))
        marketo.programs.put(
            program,
            t,
            {
                "id": program,
                "name": row["Name"],
                "description": "",
                "url": f"https://app-sj01.marketo.example/#PG{program}A1",
                "type": TYPES.get(str(row["Type"]), "Default"),
                "channel": row["Type"],
                "folder": {"type": "Folder", "value": 11, "folderName": "2025"},
                "status": "on" if row["Type"] == "Email" else "",
                "workspace": "Default",
            },
        )
        programs.append((program, str(row["Name"]), t + 5))
    for number, name in enumerate(LISTS):
        row = {"id": FIRST_LIST + number, "name": name, "workspaceName": "Default"}
        marketo.lists.put(FIRST_LIST + number, float(SET_UP), row)
    for lead, since, until in list(living(marketo)):
        if since < SET_UP + 0.1:
            _listed(marketo, lead, since + MINUTE, FIRST_LIST + 1)
        for program, name, start in programs:
            if dice.chance(MEMBER_SHARE):
                _membership(marketo, lead, (program, name), max(start, since), until, dice)


def _listed(marketo: Marketo, lead: int, t: float, number: int) -> None:
    marketo.log(
        lead,
        t,
        ADD_TO_LIST,
        primaryAttributeValueId=number,
        primaryAttributeValue=LISTS[number - FIRST_LIST],
    )


def _membership(
    marketo: Marketo,
    lead: int,
    program: tuple[int, str],
    start: float,
    until: float,
    dice: Dice,
) -> None:
    """One lead in one program: invited by mail, perhaps registered, perhaps there; few leave."""
    key, (number, name) = (program[0], lead), program
    t = start + dice.between(0.1, 45)
    if t >= until:
        return
    member = {"programId": number, "leadId": lead, "statusName": "Invited"}
    flags = {"reachedSuccess": False, "acquiredBy": False, "isExhausted": False}
    marketo.members.put(key, t, {**member, **flags})
    _status(marketo, lead, program, t, None, "Invited")
    clicked = _mail(marketo, lead, (number * 10, f"{name}: invitation"), t + MINUTE, until, dice)
    status = "Invited"
    for following, chance, is_success in (("Registered", 0.6, False), ("Attended", 0.5, True)):
        t += dice.between(0.5, 6)
        if not clicked or not dice.chance(chance) or t >= until:
            break
        marketo.members.change(key, t, statusName=following, reachedSuccess=is_success)
        _status(marketo, lead, program, t, status, following)
        status = following
    if status == "Attended":
        marketo.log(lead, t + MINUTE, INTERESTING, primaryAttributeValue=f"Attended {name}")
    t += dice.between(5, 50)
    if dice.chance(0.01) and t < until:
        marketo.members.change(key, t, isDeleted=True)
        _status(marketo, lead, program, t, status, "Not in Program")


def _status(
    marketo: Marketo, lead: int, program: tuple[int, str], t: float, old: str | None, new: str
) -> None:
    marketo.log(
        lead,
        t,
        CHANGE_STATUS,
        primaryAttributeValueId=program[0],
        primaryAttributeValue=program[1],
        attributes=attributes(Old_Status=old, New_Status=new),
    )


def _mail(
    marketo: Marketo, lead: int, mail: tuple[int, str], t: float, until: float, dice: Dice
) -> bool:
    """One mail and what became of it; returns whether a link in it was clicked."""
    about = {"primaryAttributeValueId": mail[0], "primaryAttributeValue": mail[1]}

    def log(type_id: int, at: float, **named: object) -> bool:
        if at >= until:
            return False
        marketo.log(lead, at, type_id, **about, attributes=attributes(**named))
        return True

    log(SEND, t)
    if dice.chance(0.03):
        log(BOUNCED, t + MINUTE, Details="550 5.1.1 unknown user", Category=2)
        return False
    log(DELIVERED, t + MINUTE)
    opened = t + dice.exponential(0.7)
    if not dice.chance(0.4) or not log(OPEN, opened, Device=dice.pick(("iPhone", "Mac", "PC"))):
        return False
    clicked = opened + dice.between(1, 9) * MINUTE
    if dice.chance(0.02) and log(UNSUBSCRIBE, clicked):
        change(marketo, lead, clicked, "unsubscribed", new=True)
        return False
    if not dice.chance(0.35) or not log(CLICK, clicked, Link="https://groupgrub.example/lunch"):
        return False
    page = {"primaryAttributeValueId": 31, "primaryAttributeValue": "groupgrub.example/lunch"}
    if clicked + MINUTE < until:
        marketo.log(lead, clicked + MINUTE, VISIT, **page, attributes=attributes(Query="mkt=1"))
    return True
