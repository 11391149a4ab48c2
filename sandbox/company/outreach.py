"""What stands in Outreach before Headwater writes to it: what reps do with leads of Salesforce."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.company.crm import Crm
from sandbox.company.dice import Dice
from sandbox.company.people import Human
from sandbox.company.timeline import ALL_DAYS, HOUR, iso_z
from sandbox.company.versions import Row, VersionLog

PROSPECT_SHARE = 0.3
FIRST_REP, FIRST_MAILBOX, FIRST_SEQUENCE = 11, 101, 301
FIRST_PROSPECT, FIRST_STATE, FIRST_MAILING, FIRST_TASK = 10_001, 20_001, 30_001, 40_001
SEQUENCES = ("Inbound, first week", "Cold list, office managers", "After the trade show")
SUBJECTS = ("Lunch for {company}", "Following up", "Shall I close your file?")
ENDS = ("finished", "finished", "finished", "bounced", "opted_out", "paused", "failed")


def _stamp(row: Row, t: float) -> None:
    created = row["attributes"].get("createdAt") or iso_z(t)
    row["attributes"] = {**row["attributes"], "createdAt": created, "updatedAt": iso_z(t)}


@dataclass
class Outreach:
    """The version logs by the plural of their resource, and who each prospect is."""

    logs: dict[str, VersionLog] = field(
        default_factory=lambda: {
            name: VersionLog(_stamp)
            for name in (
                "users",
                "mailboxes",
                "sequences",
                "prospects",
                "sequenceStates",
                "mailings",
                "tasks",
            )
        }
    )
    person_human: dict[int, Human] = field(default_factory=dict)

    def add(
        self,
        plural: str,
        first: int,
        t: float,
        related: dict[str, tuple[str, int]],
        **given: object,
    ) -> int:
        """A new record with the next id from ``first`` on; ``related`` are type and id by name."""
        log = self.logs[plural]
        key = first + len(log)
        relationships = {name: {"type": kind, "id": id_} for name, (kind, id_) in related.items()}
        log.put(key, t, {"id": key, "attributes": given, "relationships": relationships})
        return key

    def change(self, plural: str, key: int, t: float, **given: object) -> None:
        """A later change of attributes."""
        log = self.logs[plural]
        if key in log:
            log.change(key, t, attributes={**log.latest(key)["attributes"], **given})

    def records(self, start: float, end: float) -> dict[tuple[str, str], list[Row]]:
        """What changed in [start, end) days, by (vendor, table)."""
        return {("outreach", name): log.between(start, end) for name, log in self.logs.items()}


def simulate(crm: Crm, seed: int) -> Outreach:
    """Reps, sequences, prospects, and what was sent to them."""
    dice = Dice(seed, "outreach")
    outreach = Outreach()
    reps: dict[str, int] = {}
    for number, rep in enumerate(crm.reps):
        user = crm.logs["User"].latest(rep)
        reps[rep] = FIRST_REP + number
        names = {"firstName": user.get("FirstName"), "lastName": user.get("LastName")}
        given = {**names, "name": user.get("Name"), "email": user.get("Email"), "locked": False}
        outreach.add("users", FIRST_REP, -200.0, {}, **given)
        owner = {"user": ("user", reps[rep])}
        outreach.add("mailboxes", FIRST_MAILBOX, -200.0, owner, email=user.get("Email"))
    for number, name in enumerate(SEQUENCES):
        owner = {"owner": ("user", FIRST_REP)}
        given = {"name": name, "enabled": True, "sequenceType": "interval"}
        outreach.add("sequences", FIRST_SEQUENCE, 5.0 + number, owner, **given)
    addresses: set[str] = set()
    for key, versions in crm.logs["Lead"].states():
        created, row = versions[0]
        email = str(row.get("Email") or "").lower()
        human = crm.person_human.get(str(key))
        if not email or human is None or email in addresses or not dice.chance(PROSPECT_SHARE):
            continue
        t = max(10.0, created) + dice.between(0.1, 3)
        if t >= ALL_DAYS:
            continue
        addresses.add(email)
        prospect = _prospect(outreach, row, reps[row["OwnerId"]], t)
        outreach.person_human[prospect] = human
        _worked(outreach, prospect, row, reps[row["OwnerId"]], t, dice)
    return outreach


def _prospect(outreach: Outreach, lead: Row, owner: int, t: float) -> int:
    return outreach.add(
        "prospects",
        FIRST_PROSPECT,
        t,
        {"owner": ("user", owner)},
        emails=[lead["Email"].lower()],
        firstName=lead["FirstName"],
        lastName=lead["LastName"],
        title=lead["Title"],
        company=lead["Company"],
        externalId=None,
        tags=[lead["LeadSource"]],
        optedOut=bool(lead["HasOptedOutOfEmail"]),
        emailOptedOut=bool(lead["HasOptedOutOfEmail"]),
    )


def _worked(outreach: Outreach, prospect: int, lead: Row, owner: int, t: float, dice: Dice) -> None:
    """A sequence for most, a call for some; a few end in the trash or are deleted for good."""
    if dice.chance(0.7) and not lead["HasOptedOutOfEmail"]:
        t = _sequence(outreach, prospect, lead, owner, t + HOUR, dice)
    if dice.chance(0.4):
        due = t + dice.between(1, 5)
        task = outreach.add(
            "tasks",
            FIRST_TASK,
            t + HOUR,
            _about(prospect) | {"owner": ("user", owner), "subject": ("prospect", prospect)},
            action="call",
            taskType="manual",
            state="pending",
            note="Ask who orders lunch.",
            dueAt=iso_z(due),
            completed=False,
            completedAt=None,
        )
        if dice.chance(0.8):
            done = due + dice.between(0, 2)
            outreach.change(
                "tasks", task, done, state="complete", completed=True, completedAt=iso_z(done)
            )
    t += dice.between(10, 90)
    draw = dice.u()
    if draw < 0.02:
        outreach.change("prospects", prospect, t, trashedAt=iso_z(t))
    elif draw < 0.03:
        outreach.logs["prospects"].change(prospect, t, isDeleted=True)


def _about(prospect: int) -> dict[str, tuple[str, int]]:
    return {"prospect": ("prospect", prospect)}


def _sequence(
    outreach: Outreach, prospect: int, lead: Row, owner: int, t: float, dice: Dice
) -> float:
    """One run through a sequence: mails until somebody answers, leaves or has had them all."""
    related = _about(prospect) | {
        "sequence": ("sequence", FIRST_SEQUENCE + dice.integer(0, len(SEQUENCES) - 1)),
        "mailbox": ("mailbox", FIRST_MAILBOX + owner - FIRST_REP),
    }
    state = outreach.add(
        "sequenceStates",
        FIRST_STATE,
        t,
        related,
        state="active",
        activeAt=iso_z(t),
        stateChangedAt=iso_z(t),
    )
    end = dice.pick(ENDS)
    steps = 1 if end in {"bounced", "failed"} else dice.integer(1, len(SUBJECTS))
    for step in range(steps):
        t += dice.between(0.5, 4)
        is_last = step == steps - 1
        mail = related | {"sequenceState": ("sequenceState", state)}
        _mailing(outreach, mail, SUBJECTS[step].format(company=lead["Company"]), t, dice)
        if is_last and end == "opted_out":
            outreach.change("prospects", prospect, t + HOUR, optedOut=True, emailOptedOut=True)
    t += dice.between(0.2, 3)
    outreach.change("sequenceStates", state, t, state=end, stateChangedAt=iso_z(t))
    return t


def _mailing(
    outreach: Outreach,
    related: dict[str, tuple[str, int]],
    subject: str,
    t: float,
    dice: Dice,
) -> None:
    mailing = outreach.add(
        "mailings",
        FIRST_MAILING,
        t,
        related,
        state="scheduled",
        mailingType="sequence",
        subject=subject,
        scheduledAt=iso_z(t + HOUR),
        openCount=0,
        clickCount=0,
    )
    t += HOUR
    if dice.chance(0.03):
        outreach.change("mailings", mailing, t, state="bounced", bouncedAt=iso_z(t))
        return
    outreach.change("mailings", mailing, t, state="delivered", deliveredAt=iso_z(t))
    if not dice.chance(0.45):
        return
    t += dice.exponential(0.6)
    outreach.change(
        "mailings",
        mailing,
        t,
        state="opened",
        openedAt=iso_z(t),
        openCount=dice.integer(1, 3),
    )
    t += dice.between(0.01, 0.5)
    if dice.chance(0.2):
        outreach.change("mailings", mailing, t, clickedAt=iso_z(t), clickCount=1)
    elif dice.chance(0.15):
        outreach.change("mailings", mailing, t, state="replied", repliedAt=iso_z(t))
