"""Words that names are made of."""

from __future__ import annotations

from pathlib import Path

import yaml

from sandbox.company.dice import Dice

_WORDS = {
    kind: tuple(words.split())
    for kind, words in yaml.safe_load(
        Path(__file__).with_name("words.yml").read_text(encoding="utf-8")
    ).items()
}
FIRST_NAMES = _WORDS["first_names"]
LAST_NAMES = _WORDS["last_names"]
_THIRD_PARTS = {
    "Software": ("Software", "Labs", "Cloud", "Systems", "Analytics"),
    "FinTech": ("Pay", "Capital", "Ledger", "Finance", "Wallet"),
    "E-Commerce": ("Commerce", "Shop", "Retail", "Market", "Goods"),
    "Media": ("Media", "Studios", "Press", "Pictures", "Games"),
    "Healthcare": ("Health", "Care", "Clinics", "Bio", "Medical"),
    "Manufacturing": ("Industries", "Machines", "Tools", "Plastics", "Motors"),
    "Construction": ("Construction", "Builders", "Concrete", "Homes", "Roofing"),
    "Education": ("Academy", "Learning", "School", "Institute", "Courses"),
    "Nonprofit": ("Foundation", "Trust", "Relief", "Alliance", "Aid"),
    "Gambling": ("Casino", "Bets", "Slots", "Lotto", "Poker"),
}
LEGAL_FORMS = {
    "US": (" Inc.", ", Inc.", " LLC", " Corp."),
    "GB": (" Ltd", " Limited", " Ltd."),
    "DE": (" GmbH", " AG"),
    "FR": (" SAS", " SA"),
    "NL": (" B.V.",),
    "ES": (" S.L.",),
    "IN": (" Pvt Ltd",),
    "SG": (" Pte Ltd",),
}
COUNTRIES = {
    "US": "United States",
    "GB": "United Kingdom",
    "DE": "Germany",
    "FR": "France",
    "NL": "Netherlands",
    "ES": "Spain",
    "IN": "India",
    "SG": "Singapore",
}
COUNTRY_WEIGHTS = (0.46, 0.16, 0.12, 0.08, 0.05, 0.04, 0.06, 0.03)
TOP_LEVEL_DOMAINS = {
    "US": ("com", "com", "com", "io"),
    "GB": ("co.uk", "co.uk", "com"),
    "DE": ("de", "de", "com"),
    "FR": ("fr", "com"),
    "NL": ("nl", "com"),
    "ES": ("es", "com"),
    "IN": ("in", "co.in", "com"),
    "SG": ("com.sg", "com"),
}
FREE_MAIL = (
    "gmail.com",
    "gmail.com",
    "gmail.com",
    "outlook.com",
    "yahoo.com",
    "hotmail.com",
    "gmx.de",
)
TITLES = (
    "Office Manager",
    "Head of People",
    "Chief of Staff",
    "Workplace Experience Lead",
    "Executive Assistant",
    "Team Lead",
    "Software Engineer",
    "Product Manager",
    "Account Executive",
    "Finance Manager",
    "HR Business Partner",
    "Operations Manager",
    "Marketing Manager",
    "Designer",
    "CEO",
    "COO",
    "Data Analyst",
    "Customer Success Manager",
)
OFFICES = (
    "Main Office",
    "Headquarters",
    "Engineering",
    "Sales Floor",
    "Berlin Office",
    "London Office",
    "Support Team",
    "Product Team",
    "Warehouse",
    "People Team",
    "Marketing",
    "Second Floor",
)
CUISINES = ("Trattoria", "Taqueria", "Noodle Bar", "Kitchen", "Grill", "Bakery", "Sushi", "Deli")


class CompanyNames:
    """Company names, each given once."""

    def __init__(self, dice: Dice) -> None:
        self._order = dice.rng.permutation(
            len(_WORDS["name_starts"]) * len(_WORDS["name_ends"])
        ).tolist()
        self._given: set[str] = set()
        self._dice = dice
        self._next = 0

    def draw(self, industry: str) -> str:
        """A name that no other company has."""
        while True:
            number = self._order[self._next % len(self._order)]
            self._next += 1
            stem = (
                _WORDS["name_starts"][number // len(_WORDS["name_ends"])]
                + _WORDS["name_ends"][number % len(_WORDS["name_ends"])]
            )
            name = f"{stem} {self._dice.pick(_THIRD_PARTS[industry])}"
            if name not in self._given:
                self._given.add(name)
                return name
