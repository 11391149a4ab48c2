"""How popular companies' sites are: what lists of ranks and estimates of visits are made from."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sandbox.company.companies import Company
from sandbox.company.dice import Dice
from sandbox.company.timeline import ALL_DAYS, at
from sandbox.company.versions import Row, VersionLog


def _no_stamp(row: Row, t: float) -> None:
    """The vendors show no moment of change."""
    del row, t


@dataclass
class WebRank:
    """The version log of sites by domain."""

    sites: VersionLog = field(default_factory=lambda: VersionLog(_no_stamp))

    def changed(self, start: float, end: float) -> dict[tuple[str, str], list[Row]]:
        """The sites that changed in [start, end) days."""
        return {("web_rank", "sites"): self.sites.between(start, end)}


def simulate(companies: list[Company], seed: int) -> WebRank:
    """A site for each domain of a company; one in eight is too small for an estimate of visits."""
    dice = Dice(seed, "web rank")
    world = WebRank()
    for company in companies:
        for domain in company.domains:
            _site(world, company, domain, dice)
    return world


def _site(world: WebRank, company: Company, domain: str, dice: Dice) -> None:
    median = 40 * company.employees * (0.5 + company.fit)
    visits = dice.lognormal(median if domain == company.domain else median / 20, 1.1)
    known_since = dice.between(-500, -20) if dice.chance(0.92) else dice.between(-20, ALL_DAYS)
    row: Row = {
        "id": domain,
        "domain": domain,
        "score": round(math.log10(1 + visits), 4),
        "visits": round(visits),
        "growth": round(dice.between(-0.04, 0.06), 4),
        "has_estimate": not dice.chance(0.125),
        "since": at(known_since).date().isoformat(),
    }
    world.sites.put(domain, known_since, row)
    if dice.chance(0.1):
        grown = visits * dice.between(0.2, 4)
        world.sites.change(
            domain,
            dice.between(max(known_since, 0.0), ALL_DAYS),
            score=round(math.log10(1 + grown), 4),
            visits=round(grown),
        )
