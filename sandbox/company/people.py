"""People: their addresses and devices."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.company.companies import Company
from sandbox.company.dice import Dice
from sandbox.company.names import FIRST_NAMES, FREE_MAIL, LAST_NAMES, TITLES


@dataclass
class Device:
    """One browser or phone of one person; ``since`` is in days."""

    id: str
    platform: str
    since: float


@dataclass(eq=False)
class Human:
    """One human being. ``addresses`` are all that are theirs, lower-cased, the main one first."""

    id: int
    company: Company
    first_name: str
    last_name: str
    title: str
    addresses: list[str] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


class Population:
    """Everybody in the world; gives out ids and addresses once."""

    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed, "people")
        self._addresses: set[str] = set()
        self.humans: list[Human] = []

    def human(self, company: Company, *, title: str | None = None) -> Human:
        """A new employee of ``company``, with an address at work or, without a domain, at home."""
        dice = self._dice
        human = Human(
            id=len(self.humans) + 1,
            company=company,
            first_name=dice.pick(FIRST_NAMES),
            last_name=dice.pick(LAST_NAMES),
            title=title or dice.pick(TITLES),
        )
        self.humans.append(human)
        if company.domain:
            human.addresses.append(self._work_address(human, company.domain))
        else:
            human.addresses.append(self.home_address(human))
        return human

    def home_address(self, human: Human) -> str:
        """A free-mail address for this human that nobody else has."""
        dice = self._dice
        local = f"{human.first_name}.{human.last_name}".lower()
        while True:
            address = f"{local}{dice.integer(1, 9999)}@{dice.pick(FREE_MAIL)}"
            if address not in self._addresses:
                self._addresses.add(address)
                return address

    def alias_address(self, human: Human, domain: str) -> str:
        """The human's address at another domain of the same company."""
        address = f"{human.addresses[0].split('@')[0]}@{domain}"
        if address not in human.addresses:
            human.addresses.append(address)
        return address

    def device(self, human: Human, since: float) -> Device:
        """A new device of this human."""
        dice = self._dice
        platform = dice.pick(("web", "web", "web", "ios", "android"))
        device = Device(dice.uuid(), platform, since)
        human.devices.append(device)
        return device

    def typed(self, human: Human, address: str, *, dirt: float = 0.07) -> str:
        """``address`` as a person may type it: sometimes in other case or with a plus-tag."""
        draw = self._dice.u()
        if draw < dirt * 0.5:
            return address.title() if draw < dirt * 0.25 else address.upper()
        if draw < dirt:
            local, domain = address.split("@")
            tagged = f"{local}+{self._dice.pick(('grub', 'work', 'food', 'news'))}@{domain}"
            if tagged not in human.addresses:
                human.addresses.append(tagged)
            return tagged
        return address

    def _work_address(self, human: Human, domain: str) -> str:
        first, last = human.first_name.lower(), human.last_name.lower()
        forms = (f"{first}.{last}", f"{first[0]}{last}", f"{first}{last[0]}", first)
        start = human.company.id % 3
        for form in (forms[start], f"{first}.{last}"):
            address = f"{form}@{domain}"
            if address not in self._addresses:
                self._addresses.add(address)
                return address
        number = 2
        while f"{first}.{last}{number}@{domain}" in self._addresses:
            number += 1
        address = f"{first}.{last}{number}@{domain}"
        self._addresses.add(address)
        return address
