"""What stands in Marketo: the people of Salesforce that are synced with it, and their log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC

from sandbox.company.agents import ProductLife
from sandbox.company.crm import Crm
from sandbox.company.dice import Dice
from sandbox.company.people import Human
from sandbox.company.timeline import ALL_DAYS, HORIZON, at
from sandbox.company.versions import Row, VersionLog

SET_UP = 60
"""The day on which the instance was set up; whoever is older was imported then."""
SYNCED_SHARE = 0.6
FIRST_LEAD, LEAD_STEP = 1_000_003, 3
FIRST_ACTIVITY = 100_000_001
NEW_LEAD, CHANGE_VALUE, CHANGE_SCORE, MERGE_LEADS, DELETE_LEAD = 12, 13, 22, 32, 37
FILL_FORM = 2


@dataclass
class Marketo:
    """The version logs, the activity log and who each lead is.

    ``activities`` are ``(t, row)`` in the order of their making; their ids follow from
    :meth:`number`. A lead's last version has ``isDeleted`` when it was deleted or merged away.
    """

    leads: VersionLog = field(default_factory=lambda: VersionLog(_stamp_lead))
    programs: VersionLog = field(default_factory=lambda: VersionLog(_stamp_asset))
    lists: VersionLog = field(default_factory=lambda: VersionLog(_stamp_lead))
    members: VersionLog = field(default_factory=lambda: VersionLog(_stamp_member))
    activities: list[tuple[float, Row]] = field(default_factory=list)
    person_human: dict[int, Human] = field(default_factory=dict)

    def log(self, lead: int, t: float, type_id: int, **more: object) -> None:
        """An activity, unless it comes after the world."""
        if t < HORIZON:
            row = {"leadId": lead, "activityDate": moment(t), "activityTypeId": type_id}
            self.activities.append((t, {**row, "attributes": [], **more}))

    def number(self) -> None:
        """Give the activities their ids, in the order of their moments."""
        self.activities.sort(key=lambda each: each[0])
        for number, (_, row) in enumerate(self.activities):
            row["id"] = FIRST_ACTIVITY + number
            row["marketoGUID"] = str(row["id"])

    def records(self, start: float, end: float) -> dict[tuple[str, str], list[Row]]:
        """What changed in [start, end) days, by (vendor, table)."""
        return {
            ("marketo", "leads"): self.leads.between(start, end),
            ("marketo", "programs"): self.programs.between(start, end),
            ("marketo", "lists"): self.lists.between(start, end),
            ("marketo", "program_members"): self.members.between(start, end),
            ("marketo", "activities"): [row for t, row in self.activities if start <= t < end],
        }


def moment(t: float) -> str:
    """A moment as Marketo writes it."""
    return at(t).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def attributes(**named: object) -> list[Row]:
    """Attributes of an activity; an underscore in a name is a blank, empty ones are left out."""
    return [
        {"name": name.replace("_", " "), "value": value}
        for name, value in named.items()
        if value is not None
    ]


def add_leads(marketo: Marketo, crm: Crm, life: ProductLife, seed: int) -> None:
    """The leads: synced from Salesforce, some with a product user id, changed, merged, deleted."""
    dice = Dice(seed, "marketo leads")
    users = {user.human.id: user.id for user in life.users}
    by_human: dict[int, list[int]] = {}
    for sobject in ("Lead", "Contact"):
        for key, versions in crm.logs[sobject].states():
            created, row = versions[0]
            human = crm.person_human.get(str(key))
            if human is None or not row.get("Email") or not dice.chance(SYNCED_SHARE):
                continue
            t = max(created, float(SET_UP)) + 0.01
            if t >= ALL_DAYS:
                continue
            lead = FIRST_LEAD + LEAD_STEP * len(marketo.leads)
            user = users.get(human.id) if dice.chance(0.5) else None
            marketo.leads.put(lead, t, _lead(lead, sobject, str(key), row, user))
            marketo.person_human[lead] = human
            by_human.setdefault(human.id, []).append(lead)
            marketo.log(
                lead,
                t,
                NEW_LEAD,
                primaryAttributeValue=str(row["Email"]),
                attributes=attributes(Source_Type="Salesforce.com"),
            )
            _life(marketo, lead, t, dice)
    for same in by_human.values():
        if len(same) > 1 and dice.chance(0.5):
            _merge(marketo, same, dice)


def add_forms(marketo: Marketo, life: ProductLife, seed: int) -> None:
    """The forms that people who are in Marketo filled once they were there."""
    dice = Dice(seed, "marketo forms")
    lead_of = {human.id: lead for lead, human in marketo.person_human.items()}
    for form in life.forms:
        lead = lead_of.get(form.human.id)
        if lead is None:
            continue
        t = form.t + dice.between(0.02, 0.05)
        if t < _created(marketo, lead) or marketo.leads.latest(lead).get("isDeleted"):
            continue
        name = "Request a demo" if form.kind == "demo" else "Newsletter"
        marketo.log(
            lead,
            t,
            FILL_FORM,
            primaryAttributeValueId=1001 if form.kind == "demo" else 1002,
            primaryAttributeValue=name,
            attributes=attributes(Webpage_ID=31 if form.kind == "demo" else 32),
        )


def _stamp_lead(row: Row, t: float) -> None:
    row.setdefault("createdAt", moment(t))
    row["updatedAt"] = moment(t)


def _stamp_asset(row: Row, t: float) -> None:
    row.setdefault("createdAt", f"{moment(t)}+0000")
    row["updatedAt"] = f"{moment(t)}+0000"


def _stamp_member(row: Row, t: float) -> None:
    row.setdefault("membershipDate", moment(t))


def _lead(lead: int, sobject: str, key: str, row: Row, user: int | None) -> Row:
    return {
        "id": lead,
        "email": row["Email"],
        "firstName": row.get("FirstName"),
        "lastName": row.get("LastName"),
        "title": row.get("Title"),
        "company": row.get("Company"),
        "country": row.get("Country"),
        "leadSource": row.get("LeadSource"),
        "leadStatus": row.get("Status"),
        "leadScore": 0,
        "unsubscribed": bool(row.get("HasOptedOutOfEmail")),
        f"sfdc{sobject}Id": key,
        "productUserId": None if user is None else str(user),
    }


def _life(marketo: Marketo, lead: int, t: float, dice: Dice) -> None:
    """Scores, a title that changes, and now and then the end."""
    score = 0
    for _ in range(int(dice.exponential(1.2))):
        t += dice.exponential(20)
        points = dice.pick((5, 10, 20))
        marketo.log(
            lead,
            t,
            CHANGE_SCORE,
            primaryAttributeValue="Lead Score",
            attributes=attributes(
                Change_Value=f"+{points}", Old_Value=score, New_Value=score + points
            ),
        )
        change(marketo, lead, t, "leadScore", score + points)
        score += points
    if dice.chance(0.05):
        t += dice.exponential(30)
        change(marketo, lead, t, "title", "Head of Operations")
    if dice.chance(0.01):
        t += dice.between(10, 100)
        if t < HORIZON:
            email = str(marketo.leads.latest(lead)["email"])
            marketo.leads.change(lead, t, isDeleted=True)
            marketo.log(lead, t, DELETE_LEAD, primaryAttributeValue=email)


def change(marketo: Marketo, lead: int, t: float, name: str, new: object) -> None:
    """Change a field of a lead, as the log tells it."""
    old = marketo.leads.latest(lead).get(name)
    happened = marketo.leads.change(lead, t, **{name: new})
    if happened is not None:
        marketo.log(
            lead,
            happened,
            CHANGE_VALUE,
            primaryAttributeValue=name,
            attributes=attributes(New_Value=new, Old_Value=old),
            fields=[{"id": 1, "name": name, "newValue": new, "oldValue": old}],
        )


def _merge(marketo: Marketo, same: list[int], dice: Dice) -> None:
    """The leads of one human become the first one, if all of them live that long."""
    living = [lead for lead in same if not marketo.leads.latest(lead).get("isDeleted")]
    newest = max(_last_change(marketo, lead) for lead in same)
    t = newest + dice.between(1, 60)
    if len(living) < 2 or t >= HORIZON:
        return
    winner, *losers = living
    for loser in losers:
        marketo.leads.change(loser, t, isDeleted=True)
    ids = f"[{', '.join(map(str, losers))}]"
    marketo.log(winner, t, MERGE_LEADS, attributes=attributes(Merge_IDs=ids))


def living(marketo: Marketo) -> Iterable[tuple[int, float, float]]:
    """Each lead with the days between which it lives."""
    for key, versions in marketo.leads.states():
        last, row = versions[-1]
        yield int(str(key)), versions[0][0], last if row.get("isDeleted") else HORIZON


def _created(marketo: Marketo, lead: int) -> float:
    return marketo.leads.moments(lead)[0]


def _last_change(marketo: Marketo, lead: int) -> float:
    return marketo.leads.moments(lead)[-1]
