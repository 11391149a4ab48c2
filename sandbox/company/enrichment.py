"""What the Crunchbase-like API knows of companies: with gaps, drift and odd home pages."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.company import funding_rounds
from sandbox.company.companies import Company
from sandbox.company.dice import Dice
from sandbox.company.timeline import ALL_DAYS, at, iso_z
from sandbox.company.versions import Row, VersionLog

BANDS = (
    (10, "c_00001_00010"),
    (50, "c_00011_00050"),
    (100, "c_00051_00100"),
    (250, "c_00101_00250"),
    (500, "c_00251_00500"),
    (1_000, "c_00501_01000"),
    (5_000, "c_01001_05000"),
    (10_000, "c_05001_10000"),
)
LARGEST_BAND = "c_10001_max"


def _stamp(row: Row, t: float) -> None:
    row["properties"] = {**row["properties"], "updated_at": iso_z(t)}


def band(employees: int) -> str:
    """Crunchbase's code for a number of employees."""
    return next((code for largest, code in BANDS if employees <= largest), LARGEST_BAND)


@dataclass
class Enrichment:
    """The version logs of organizations and funding rounds, and when some were deleted (days)."""

    organizations: VersionLog = field(default_factory=lambda: VersionLog(_stamp))
    funding_rounds: VersionLog = field(default_factory=lambda: VersionLog(_stamp))
    deleted: dict[str, float] = field(default_factory=dict)
    deleted_rounds: dict[str, float] = field(default_factory=dict)
    profiles: dict[int, str] = field(default_factory=dict)
    """By company: the uuid of its organization."""

    def tombstones(self, start: float, end: float) -> list[Row]:
        """The deletions in [start, end) days."""
        gone = [("organization", self.deleted), ("funding_round", self.deleted_rounds)]
        return [
            {"uuid": uuid, "deleted_at": iso_z(t), "entity_def_id": entity}
            for entity, deleted in gone
            for uuid, t in deleted.items()
            if start <= t < end
        ]

    def changed(self, start: float, end: float) -> dict[tuple[str, str], list[Row]]:
        """The vendor's records that changed in [start, end) days, and the tombstones."""
        return {
            ("crunchbase", "organizations"): _living(self.organizations, self.deleted, start, end),
            ("crunchbase", "funding_rounds"): _living(
                self.funding_rounds, self.deleted_rounds, start, end
            ),
            ("crunchbase", "deleted_entities"): self.tombstones(start, end),
        }


def _living(log: VersionLog, gone: dict[str, float], start: float, end: float) -> list[Row]:
    return [row for row in log.between(start, end) if gone.get(row["uuid"], end) >= start]


def simulate(companies: list[Company], seed: int) -> Enrichment:
    """All organizations and their rounds; about one organization in 150 is deleted at some time."""
    dice = Dice(seed, "enrichment")
    enrichment = Enrichment()
    for company in companies:
        if company.in_crunchbase and company.domain:
            uuid = dice.uuid()
            enrichment.profiles[company.id] = uuid
            _organization(enrichment.organizations, uuid, company, dice)
            if company.role is None and dice.chance(0.007):
                enrichment.deleted[uuid] = dice.between(ALL_DAYS / 2, ALL_DAYS)
    rounds = Dice(seed, "funding rounds")
    for company in companies:
        if company.id in enrichment.profiles:
            funding_rounds.add(
                enrichment.funding_rounds, company, enrichment.profiles[company.id], rounds
            )
    _rename_some(enrichment, companies, seed)
    _delete_rounds(enrichment, seed)
    return enrichment


def _rename_some(enrichment: Enrichment, companies: list[Company], seed: int) -> None:
    """One company in fifty gets another name, and so another permalink, at some time."""
    dice = Dice(seed, "permalinks")
    for company in companies:
        uuid = enrichment.profiles.get(company.id)
        if uuid is None or company.role or not dice.chance(0.02):
            continue
        properties = enrichment.organizations.latest(uuid)["properties"]
        stem = properties["identifier"]["permalink"]
        renamed = {**properties["identifier"], "permalink": f"{stem}-{uuid[:4]}"}
        enrichment.organizations.change(
            uuid, dice.between(0, ALL_DAYS), properties={**properties, "identifier": renamed}
        )


def _delete_rounds(enrichment: Enrichment, seed: int) -> None:
    """Rounds go with their organization; one in a hundred is a mistake that is taken back."""
    dice = Dice(seed, "deleted rounds")
    for row in {row["uuid"]: row for row in enrichment.funding_rounds.versions()}.values():
        owner = row["properties"]["funded_organization_identifier"]["uuid"]
        if owner in enrichment.deleted:
            enrichment.deleted_rounds[row["uuid"]] = enrichment.deleted[owner]
        elif dice.chance(0.01):
            enrichment.deleted_rounds[row["uuid"]] = dice.between(ALL_DAYS / 2, ALL_DAYS)


def _organization(log: VersionLog, uuid: str, company: Company, dice: Dice) -> None:
    permalink = company.name.lower().replace(" ", "-")
    gap = 0.0 if company.role else 0.12
    properties: Row = {
        "identifier": {
            "permalink": permalink,
            "uuid": uuid,
            "value": company.name,
            "entity_def_id": "organization",
        },
        "rank_org": dice.integer(1_000, 900_000),
    }
    draw = dice.u()
    if company.role or draw > 0.05:
        form = dice.pick(("https://www.{}", "https://{}", "http://www.{}/", "https://{}/?ref=cb"))
        properties["website_url"] = form.format(company.domain)
    elif draw < 0.02:
        properties["website_url"] = f"https://www.linkedin.com/company/{permalink}"
    if not dice.chance(gap):
        properties["categories"] = [{"value": company.industry, "entity_def_id": "category"}]
    if not dice.chance(gap):
        properties["num_employees_enum"] = band(company.employees)
    if not dice.chance(gap / 2):
        properties["country_code"] = company.country
    start = dice.between(-300, -5)
    properties["created_at"] = iso_z(start)
    funded = company.funding_usd is not None and not dice.chance(gap / 2)
    if funded and company.funded is not None and company.funded < start + 5:
        properties.update(_funding(company, company.funding_usd or 0))
    log.put(uuid, start, {"uuid": uuid, "properties": properties})
    if funded and company.funded is not None and company.funded >= start + 5:
        later = {**properties, **_funding(company, company.funding_usd or 0)}
        log.change(uuid, company.funded + 0.5, properties=later)
        properties = later
    if dice.chance(0.35):
        moved = {**properties, "rank_org": dice.integer(1_000, 900_000)}
        log.change(uuid, dice.between(0, ALL_DAYS), properties=moved)


def _funding(company: Company, value: int) -> Row:
    funded = company.funded if company.funded is not None else 0.0
    return {
        "funding_total": {"value": value, "currency": "USD", "value_usd": value},
        "last_funding_at": at(funded).date().isoformat(),
        "last_funding_type": company.funding_type,
    }
