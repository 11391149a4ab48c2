"""What else stands in HubSpot: newsletters and what became of them, lists, and merged contacts.

Each concept has dice of its own, so that the contacts themselves are what they were without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.company.dice import Dice
from sandbox.company.marketing import Marketing
from sandbox.company.timeline import ALL_DAYS, HOUR, MINUTE, SECOND, at, iso_z
from sandbox.company.versions import Row, VersionLog

FIRST_SEND = 12.0
DAYS_BETWEEN_SENDS = 28.0
SHARE_OF_CONTACTS = 0.06
FIRST_CAMPAIGN = 5_500_001
APP = {"portalId": 1, "appId": 113, "appName": "Batch"}
LINKS = ("https://groupgrub.com/blog/hybrid", "https://groupgrub.com/pricing")
NEWSLETTER, CUSTOMERS, TARGETS = "11", "12", "13"


def _visible(row: Row, t: float) -> None:
    """An event bears its own moment, not that at which it is listed."""


@dataclass
class Mail:
    """Email events by the moment at which HubSpot lists them, and the lists."""

    marketing: Marketing
    events: VersionLog = field(default_factory=lambda: VersionLog(_visible))

    def lists(self, end: float) -> list[Row]:
        """The lists as they are at ``end`` days, each with its members."""
        contacts = self.marketing.contacts.between(-1e6, end)
        living = [row for row in contacts if not row["archived"]]
        gone = {key for row in living for key in _merged(row)}
        living = [row for row in living if row["id"] not in gone]
        readers = [r for r in living if r["properties"]["hs_email_optout"] != "true"]
        customers = [r for r in living if r["properties"]["lifecyclestage"] == "customer"]
        targets = [
            row
            for row in self.marketing.companies.between(-1e6, end)
            if row["properties"]["industry"] in {"Software", "FinTech", "E-Commerce"}
        ]
        return [
            _list(NEWSLETTER, "Newsletter readers", "0-1", "DYNAMIC", readers),
            _list(CUSTOMERS, "Customers", "0-1", "MANUAL", customers),
            _list(TARGETS, "Target accounts", "0-2", "SNAPSHOT", targets),
        ]


def _list(key: str, name: str, type_id: str, processing: str, members: list[Row]) -> Row:
    return {
        "id": key,
        "listId": key,
        "listVersion": 1,
        "name": name,
        "objectTypeId": type_id,
        "processingType": processing,
        "processingStatus": "COMPLETE",
        "createdAt": iso_z(-300.0),
        "updatedAt": iso_z(-300.0),
        "members": {row["id"]: row["createdAt"] for row in members},
    }


def _merged(row: Row) -> list[str]:
    return [key for key in (row["properties"].get("hs_merged_object_ids") or "").split(";") if key]


def add_merges(marketing: Marketing, seed: int) -> None:
    """Some people stand twice in HubSpot, with two addresses; weeks later the two become one."""
    dice = Dice(seed, "merged marketing contacts")
    for key in list(marketing.person_human):
        row = marketing.contacts.latest(key)
        human = marketing.person_human[key]
        chosen, again, later = dice.chance(0.02), dice.between(5, ALL_DAYS), dice.between(2, 40)
        if not chosen or row["archived"]:
            continue
        other = f"{human.first_name}.{human.last_name}.{key}@mail.example".lower()
        twin = marketing.add(human, again, other, dice)
        if twin is None or again + later >= ALL_DAYS:
            continue
        marketing.change(key, again + later, hs_merged_object_ids=twin, hs_additional_emails=other)


def simulate(marketing: Marketing, seed: int) -> Mail:
    """A newsletter every four weeks, on a day of the contact's own, to some of the contacts
    that may be written to."""
    mail = Mail(marketing)
    dice = Dice(seed, "newsletters")
    sends = int((ALL_DAYS - FIRST_SEND) / DAYS_BETWEEN_SENDS) + 1
    for key, states in list(marketing.contacts.states()):
        first = FIRST_SEND + dice.between(0, DAYS_BETWEEN_SENDS)
        for number in range(sends):
            t = first + number * DAYS_BETWEEN_SENDS
            if not dice.chance(SHARE_OF_CONTACTS):
                continue
            present = [row for changed, row in states if changed <= t]
            if not present or present[-1]["archived"]:
                continue
            properties = present[-1]["properties"]
            if properties["hs_email_optout"] == "true":
                continue
            _send(mail, str(key), str(properties["email"]), number, t, dice)
    return mail


def _send(mail: Mail, key: str, address: str, number: int, t: float, dice: Dice) -> None:
    """One newsletter to one address, and what became of it."""
    campaign = {"recipient": address, "emailCampaignId": FIRST_CAMPAIGN + number, **APP}
    t += dice.between(0, 20) * MINUTE
    sent = _event(
        mail, f"{key}-{number}", "SENT", t, campaign, dice, subject=f"Lunch news {number}"
    )
    about = {**campaign, "sentBy": {"id": sent["id"], "created": sent["created"]}}

    def follow(kind: str, after: float, **fields: object) -> None:
        _event(mail, f"{key}-{number}-{kind}", kind, t + after, about, dice, **fields)

    if dice.chance(0.03):
        follow("BOUNCE", 20 * SECOND, category="UNKNOWN_USER", status="5.1.1", response="550")
        return
    follow("DELIVERED", 30 * SECOND)
    if not dice.chance(0.35):
        return
    opened = dice.exponential(9) * HOUR + 60 * SECOND
    follow("OPEN", opened, userAgent="Mozilla/5.0", filteredEvent=dice.chance(0.1))
    if dice.chance(0.2):
        follow("CLICK", opened + dice.between(5, 90) * SECOND, url=dice.pick(LINKS))


def _event(
    mail: Mail, name: str, kind: str, t: float, about: Row, dice: Dice, **fields: object
) -> Row:
    """An event; one in twenty is listed hours after its own moment."""
    listed = t + (dice.between(1, 10) * HOUR if dice.chance(0.05) else 5 * SECOND)
    row = {
        "id": dice.uuid(),
        "created": int(at(t).timestamp() * 1000),
        "type": kind,
        **about,
        **fields,
    }
    mail.events.put(name, listed, row)
    return row
