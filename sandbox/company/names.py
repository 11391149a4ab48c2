"""Words that names are made of."""

from __future__ import annotations

from sandbox.company.dice import Dice

FIRST_NAMES = tuple(
    "Ada Adam Aiko Aisha Alan Alba Alexei Amara Ana Andrea Anna Anton Arjun Ayse Ben Bruno Carla "
    "Carlos Chen Chloe Clara Daan Dana David Deniz Diego Dora Elena Eli Emil Emma Erik Esra Eva "
    "Fatima Felix Finn Gabriel Grace Greta Hana Hannah Hugo Ida Ines Ivan Jack Jana Jonas Jose "
    "Julia Kai Karim Kate Kenji Lara Lea Leo Lena Liam Lina Luca Lucia Maja Marco Maria Mark Marta "
    "Max Maya Mei Mia Mila Milan Mina Mohamed Nadia Nia Nico Nina Noah Nora Olga Oliver Omar Oscar "
    "Paul Paula Pedro Petra Priya Rachel Rafael Ravi Rosa Ruth Sam Sara Sofia Sven Tara Theo Tim "
    "Tom Uma Vera Victor Wei Yara Yuki Zara Zoe".split()
)
LAST_NAMES = tuple(
    "Abbott Ahmed Almeida Andersen Baker Bauer Becker Bell Berg Bianchi Brown Bruun Burke Castro "
    "Chan Clark Cohen Costa Cruz Dahl Dang Davies Diaz Dubois Egger Ellis Evans Fabre Farah Fischer "
    "Fleming Ford Foster Fuchs Garcia Gupta Haas Hansen Hayes Hill Hofer Hughes Ito Ivanov Jansen "
    "Jensen Jones Kaya Keller Khan Kim King Klein Koch Kovacs Kumar Lang Larsen Lee Lewis Lopez Lund "
    "Maier Martin Mendes Meyer Moreau Morgan Moser Murphy Nagy Nakamura Neri Nguyen Novak Olsen Ortiz "
    "Osei Palmer Park Patel Perez Peters Petit Popov Price Quinn Ramos Reid Ricci Rivera Rossi Roy "
    "Russo Sato Schmid Shah Silva Singh Smith Sousa Steele Stone Suzuki Takahashi Tan Taylor Torres "
    "Turner Vargas Vega Vogel Wagner Walsh Wang Ward Weber White Wolf Wood Wright Yamada Yilmaz Young "
    "Zhang Zimmer".split()
)
_FIRST_PARTS = tuple(
    "Amber Arc Ash Aspen Atlas Beacon Birch Blue Bold Bright Brook Cedar Cinder Clear Cobalt Copper "
    "Coral Crest Crown Delta Drift Dune Echo Elm Ember Fable Fern Field Flint Forge Fox Frost Gale "
    "Glen Gold Granite Grove Harbor Haven Hazel Heron Hill Iron Ivy Jade Juniper Kestrel Lark Laurel "
    "Linden Lunar Maple Marble Meadow Mill Mint Mist Moss North Oak Ocean Olive Onyx Opal Orchard "
    "Osprey Palm Pearl Pine Plain Poplar Prairie Quartz Quill Rain Raven Reed Ridge River Rowan Sage "
    "Salt Sand Shore Silver Sky Slate Snow Solar South Spruce Star Stone Storm Summit Swift Terra "
    "Thistle Tide Timber Topaz Trail True Vale Velvet Vine Violet West Willow Wind Winter Wren "
    "Zephyr".split()
)
_SECOND_PARTS = tuple(
    "bay bridge brook burn cliff crest dale fall field fjord ford gate glade grove harbor haven "
    "heath hill hollow land leaf light line mark marsh mere mont moor park path peak point pond port "
    "ridge rise rock root shade shire side spark spring stead stream thorn ton vale view ville wall "
    "ward water way well wick wind wood works worth yard".split()
)
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
        self._order = dice.rng.permutation(len(_FIRST_PARTS) * len(_SECOND_PARTS)).tolist()
        self._given: set[str] = set()
        self._dice = dice
        self._next = 0

    def draw(self, industry: str) -> str:
        """A name that no other company has."""
        while True:
            number = self._order[self._next % len(self._order)]
            self._next += 1
            stem = (
                _FIRST_PARTS[number // len(_SECOND_PARTS)]
                + _SECOND_PARTS[number % len(_SECOND_PARTS)]
            )
            name = f"{stem} {self._dice.pick(_THIRD_PARTS[industry])}"
            if name not in self._given:
                self._given.add(name)
                return name
