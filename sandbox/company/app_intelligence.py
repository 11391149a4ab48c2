"""The apps that companies have in the stores, as the app intelligence knows them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.company.companies import Company
from sandbox.company.dice import Dice
from sandbox.company.timeline import ALL_DAYS, at
from sandbox.company.versions import Row, VersionLog

STORES = ("itunes_connect", "google_play")
LIKELY = ("E-Commerce", "Media", "FinTech", "Healthcare", "Gambling")
CATEGORIES = {"E-Commerce": "Shopping", "Media": "Entertainment", "FinTech": "Finance"}


def _no_stamp(row: Row, t: float) -> None:
    """The vendor shows no moment of change."""
    del row, t


@dataclass
class AppIntelligence:
    """The version logs of publishers and apps; the key of both is store and id."""

    publishers: VersionLog = field(default_factory=lambda: VersionLog(_no_stamp))
    apps: VersionLog = field(default_factory=lambda: VersionLog(_no_stamp))

    def changed(self, start: float, end: float) -> dict[tuple[str, str], list[Row]]:
        """The vendor's records that changed in [start, end) days."""
        return {
            ("app_intelligence", "publishers"): self.publishers.between(start, end),
            ("app_intelligence", "apps"): self.apps.between(start, end),
        }


def simulate(companies: list[Company], seed: int) -> AppIntelligence:
    """About one company in eighty publishes apps, most of them in both stores."""
    dice = Dice(seed, "app intelligence")
    world = AppIntelligence()
    for company in companies:
        chance = 0.022 if company.industry in LIKELY else 0.006
        if company.domain and company.kind == "customer" and dice.chance(chance):
            _publisher(world, company, dice)
    return world


def _publisher(world: AppIntelligence, company: Company, dice: Dice) -> None:
    stores = STORES if dice.chance(0.6) else (dice.pick(STORES),)
    entered = dice.between(-400, 200)
    names = [company.name.split()[0], f"{company.name.split()[0]} Pro"][: 1 + dice.chance(0.2)]
    bundles = [f"com.{company.domain}.app{number}" for number in range(len(names))]
    site = dice.pick(("https://www.{}", "http://{}/", "https://{}/apps?src=store"))
    for store in stores:
        publisher_id = 900_000_000 + dice.integer(1, 90_000_000)
        ids = [
            str(1_000_000_000 + dice.integer(1, 900_000_000)) if store == STORES[0] else bundle
            for bundle in bundles
        ]
        publisher: Row = {
            "id": publisher_id,
            "name": company.name,
            "website_url": site.format(company.domain) if not dice.chance(0.06) else None,
            "hq_country": company.country,
            "app_ids": [int(id_) if id_.isdigit() else id_ for id_ in ids],
            "apptopia_url": f"https://apptopia.com/publishers/{store}/{publisher_id}",
        }
        key = f"{store}/{publisher_id}"
        world.publishers.put(key, entered, {"id": key, "store": store, "shown": publisher})
        for id_, bundle, name in zip(ids, bundles, names, strict=True):
            _app(world, store, (id_, bundle, name), publisher, (company, entered), dice)


def _app(
    world: AppIntelligence,
    store: str,
    named: tuple[str, str, str],
    publisher: Row,
    owner: tuple[Company, float],
    dice: Dice,
) -> None:
    id_, bundle, name = named
    company, entered = owner
    released = at(entered - dice.between(30, 900)).date()
    shown: Row = {
        "id": int(id_) if id_.isdigit() else id_,
        "name": name,
        "publisher_id": publisher["id"],
        "publisher_name": publisher["name"],
        "publisher_url": publisher["website_url"],
        "category_name": CATEGORIES.get(company.industry, "Business"),
        "price_cents": 299 if dice.chance(0.1) else 0,
        "offers_in_app_purchases": dice.chance(0.4),
        "bundle_id": bundle,
        "current_version": f"{dice.integer(1, 9)}.0",
        "initial_release_date": released.isoformat(),
        "last_update_date": at(entered).date().isoformat(),
    }
    key = f"{store}/{id_}"
    row: Row = {
        "id": key,
        "store": store,
        "shown": shown,
        "downloads": round(dice.lognormal(40 + 400 * company.fit, 1.0), 1),
        "growth": round(dice.between(-0.002, 0.004), 6),
        "released": released.isoformat(),
        "removed": False,
    }
    world.apps.put(key, entered, row)
    t = max(entered, 0.0) + dice.exponential(45)
    for minor in range(1, 4):
        version = f"{shown['current_version'].split('.')[0]}.{minor}"
        shown = {**shown, "current_version": version, "last_update_date": at(t).date().isoformat()}
        world.apps.change(key, t, shown=shown)
        t += dice.exponential(45)
    if dice.chance(0.05):
        world.apps.change(key, dice.between(max(entered, 0.0), ALL_DAYS), removed=True)
