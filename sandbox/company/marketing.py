"""What stands in HubSpot: contacts from forms and from the product, and companies."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.company.agents import ProductLife
from sandbox.company.companies import Company
from sandbox.company.dice import Dice
from sandbox.company.names import COUNTRIES
from sandbox.company.people import Human, Population
from sandbox.company.timeline import ALL_DAYS, iso_z
from sandbox.company.versions import Row, VersionLog

PRODUCT_SYNC_SHARE = 0.22
FIRST_CONTACT = 90_001
FIRST_COMPANY = 30_000_001


def _stamp(row: Row, t: float) -> None:
    row.setdefault("createdAt", iso_z(t))
    row["updatedAt"] = iso_z(t)
    modified = "lastmodifieddate" if "email" in row["properties"] else "hs_lastmodifieddate"
    row["properties"] = {
        **row["properties"],
        "createdate": row["createdAt"],
        modified: iso_z(t),
        "hs_object_id": row["id"],
    }


@dataclass
class Marketing:
    """The version logs of contacts and companies, and who each contact is."""

    contacts: VersionLog = field(default_factory=lambda: VersionLog(_stamp))
    companies: VersionLog = field(default_factory=lambda: VersionLog(_stamp))
    person_human: dict[str, Human] = field(default_factory=dict)
    _addresses: set[str] = field(default_factory=set)

    def add(
        self, human: Human, t: float, email: str, dice: Dice, **properties: str | None
    ) -> str | None:
        """A contact, unless HubSpot already has the address."""
        address = email.lower()
        if address in self._addresses or t >= ALL_DAYS:
            return None
        self._addresses.add(address)
        key = str(FIRST_CONTACT + 7 * len(self.contacts))
        self.contacts.put(
            key,
            t,
            {
                "id": key,
                "properties": {
                    "email": address,
                    "firstname": human.first_name,
                    "lastname": human.last_name,
                    "company": human.company.name if dice.chance(0.7) else None,
                    "jobtitle": human.title if dice.chance(0.5) else None,
                    "lifecyclestage": "subscriber",
                    "product_user_id": None,
                    "anonymous_id": None,
                    "hs_email_optout": "false",
                    "plg_campaign": None,
                    **properties,
                },
                "archived": False,
            },
        )
        self.person_human[key] = human
        return key

    def change(self, key: str, t: float, **properties: str | None) -> None:
        """A later change of a contact's properties."""
        row = self.contacts.latest(key)
        self.contacts.change(key, t, properties={**row["properties"], **properties})


def simulate(
    companies: list[Company], people: Population, life: ProductLife, seed: int
) -> Marketing:
    """All contacts and companies of the marketing portal."""
    marketing = Marketing()
    dice = Dice(seed, "marketing")
    for form in life.forms:
        marketing.add(form.human, form.t, form.email, dice, anonymous_id=form.device.id)
    for user in life.users:
        if user.is_staff or not dice.chance(PRODUCT_SYNC_SHARE):
            continue
        address = user.human.addresses[0] if dice.chance(0.5) else user.email
        marketing.add(
            user.human,
            user.created + dice.between(0.01, 3),
            address,
            dice,
            product_user_id=str(user.id),
            lifecyclestage="customer",
        )
    for company in companies:
        if company.kind != "internal" and dice.chance(0.25):
            human = people.human(company)
            marketing.add(human, dice.between(-200, ALL_DAYS), human.addresses[0], dice)
        if company.domain and dice.chance(0.35):
            _company(marketing, company, dice)
    for key in list(marketing.person_human):
        draw = dice.u()
        if draw < 0.05:
            marketing.change(key, dice.between(60, ALL_DAYS), hs_email_optout="true")
        elif draw < 0.2:
            marketing.change(
                key, dice.between(30, ALL_DAYS), lifecyclestage="marketingqualifiedlead"
            )
        elif draw < 0.21:
            t = dice.between(60, ALL_DAYS)
            marketing.contacts.change(key, t, archived=True, archivedAt=iso_z(t))
    return marketing


def _company(marketing: Marketing, company: Company, dice: Dice) -> None:
    key = str(FIRST_COMPANY + 11 * len(marketing.companies))
    marketing.companies.put(
        key,
        dice.between(-200, ALL_DAYS),
        {
            "id": key,
            "properties": {
                "name": company.name,
                "domain": company.domain,
                "industry": company.industry if dice.chance(0.6) else None,
                "country": COUNTRIES[company.country] if dice.chance(0.8) else None,
            },
            "archived": False,
        },
    )
