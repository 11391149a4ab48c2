"""What the enrichment vendors know hangs together with the companies and with each other."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sandbox.company import slices
from sandbox.company.timeline import ALL_DAYS
from sandbox.company.world import World


def rows(world: World, vendor: str, table: str) -> list[dict[str, Any]]:
    return world.records(slices.BEFORE, float(ALL_DAYS))[vendor, table]


def test_rounds_belong_to_organizations_and_add_up_to_what_these_raised(world: World) -> None:
    organizations = {row["uuid"]: row for row in world.enrichment.organizations.versions()}
    raised: Counter[str] = Counter()
    whole: dict[str, bool] = {}
    for row in {row["uuid"]: row for row in world.enrichment.funding_rounds.versions()}.values():
        properties = row["properties"]
        owner = properties["funded_organization_identifier"]["uuid"]
        assert owner in organizations
        if properties["is_equity"]:
            money = properties.get("money_raised")
            whole[owner] = whole.get(owner, True) and money is not None
            raised[owner] += money["value_usd"] if money else 0
    totals = {
        uuid: row["properties"]["funding_total"]["value_usd"]
        for uuid, row in organizations.items()
        if "funding_total" in row["properties"]
    }
    known = [uuid for uuid in totals if whole.get(uuid)]
    assert len(known) > 50
    for uuid in known:
        assert totals[uuid] - 4 <= raised[uuid] <= totals[uuid], "whole dollars, rounded down"


def test_rounds_of_a_deleted_organization_are_deleted_with_it(world: World) -> None:
    gone = world.enrichment.deleted
    for row in world.enrichment.funding_rounds.versions():
        owner = row["properties"]["funded_organization_identifier"]["uuid"]
        if owner in gone:
            assert world.enrichment.deleted_rounds[row["uuid"]] == gone[owner]
    buried = rows(world, "crunchbase", "deleted_entities")
    living = {row["uuid"] for row in rows(world, "crunchbase", "funding_rounds")}
    kinds = Counter(row["entity_def_id"] for row in buried)
    assert kinds["funding_round"] > 0
    assert living.isdisjoint(
        row["uuid"] for row in buried if row["entity_def_id"] == "funding_round"
    ) or kinds["funding_round"] == len(world.enrichment.deleted_rounds)


def test_permalinks_change_and_uuids_stay(world: World) -> None:
    named: dict[str, set[str]] = {}
    for row in world.enrichment.organizations.versions():
        permalink = row["properties"]["identifier"]["permalink"]
        named.setdefault(row["uuid"], set()).add(permalink)
    assert any(len(permalinks) > 1 for permalinks in named.values())


def test_apps_belong_to_publishers_of_companies(world: World) -> None:
    domains = {domain for company in world.companies for domain in company.domains}
    publishers = {row["id"]: row for row in rows(world, "app_intelligence", "publishers")}
    apps = rows(world, "app_intelligence", "apps")
    assert apps
    for app in apps:
        owner = publishers[f"{app['store']}/{app['shown']['publisher_id']}"]
        assert app["shown"]["id"] in owner["shown"]["app_ids"]
    for publisher in publishers.values():
        site = publisher["shown"]["website_url"]
        assert site is None or any(domain in site for domain in domains)


def test_every_company_with_a_domain_has_a_site(world: World) -> None:
    sites = {row["domain"]: row for row in world.sites.sites.versions()}
    expected = {domain for company in world.companies for domain in company.domains}
    assert set(sites) <= expected
    assert len(sites) > 0.9 * len(expected)
    unknown = [row for row in sites.values() if not row["has_estimate"]]
    assert 0.05 < len(unknown) / len(sites) < 0.25


def test_each_of_them_changes_in_the_days_to_come(world: World) -> None:
    for key in (
        ("crunchbase", "organizations"),
        ("crunchbase", "funding_rounds"),
        ("web_rank", "sites"),
    ):
        assert any(world.records(float(day), day + 1.0)[key] for day in range(240, ALL_DAYS)), key
