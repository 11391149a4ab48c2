"""The companies of golden_icp.csv as raw rows: what their score is made of, and nothing else."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

from tests.dbt.growth.known_world import AS_OF
from tests.dbt.growth.raw import RawWorld, moment

GOLDEN = Path(__file__).parents[1] / "golden_icp.csv"


def rows() -> list[dict[str, str]]:
    """The lines of the golden file."""
    with GOLDEN.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def sfdc_account_id(number: int) -> str:
    """The Salesforce account of the ``number``-th line."""
    return f"0015g000007{number:04d}AAA"


def add_to(world: RawWorld) -> None:
    """Add all of them to a world."""
    for number, row in enumerate(rows()):
        domain = f"{row['account']}-golden.com"
        world.add(
            "salesforce",
            "account",
            id=sfdc_account_id(number),
            name=f"{row['account'].title()} Golden",
            website=domain,
            type="Competitor" if row["competitor"] == "yes" else "Prospect",
            number_of_employees=int(row["employees"]) if row["employees"] else None,
            created_at=moment("2025-01-01"),
            system_modstamp=moment("2025-01-01"),
        )
        _enrichment(world, number, domain, row)
        if row["active_members"]:
            _product(world, number, domain, int(row["active_members"]))


def _enrichment(world: RawWorld, number: int, domain: str, row: dict[str, str]) -> None:
    days = row["last_round_days"]
    funding = row["total_funding_usd"]
    world.add(
        "crunchbase",
        "organizations",
        uuid=f"golden-{number}",
        permalink=domain,
        name=domain,
        website_url=f"https://{domain}/",
        categories=[{"value": row["industry"]}] if row["industry"] else None,
        funding_total_usd=float(funding) if funding else None,
        last_funding_on=date.fromisoformat(AS_OF[:10]) - timedelta(int(days)) if days else None,
        country_code=row["country"] or None,
        updated_at=moment("2025-08-01"),
    )


def _product(world: RawWorld, number: int, domain: str, active: int) -> None:
    """A workspace that is nowhere near its plan, with so many people active in August."""
    organization, workspace = 70_000 + number, 71_000 + number
    members = [720_000 + number * 100 + position for position in range(max(1, active))]
    for position, user in enumerate(members):
        world.add(
            "product",
            "users",
            id=user,
            email=f"member{position}@{domain}",
            full_name=f"Member {position}",
            created_at=moment("2025-04-01"),
            updated_at=moment("2025-04-01"),
        )
        world.add(
            "product",
            "memberships",
            id=user,
            workspace_id=workspace,
            user_id=user,
            role="admin" if position == 0 else "member",
            joined_at=moment("2025-04-01"),
        )
    for user in members[:active]:
        world.add(
            "mixpanel",
            "events",
            event="Group Order Placed",
            event_at=moment("2025-08-10T12:00"),
            distinct_id=str(user),
            user_id=str(user),
            device_id=f"golden-device-{user}",
            insert_id=f"golden-{user}",
            workspace_id=workspace,
            platform="web",
            environment="production",
        )
    world.add(
        "product",
        "organizations",
        id=organization,
        name=domain,
        verified_domain=domain,
        salesforce_account_id=sfdc_account_id(number),
        created_by_user_id=members[0],
        created_at=moment("2025-04-01"),
        updated_at=moment("2025-04-01"),
    )
    world.add(
        "product",
        "workspaces",
        id=workspace,
        organization_id=organization,
        name=domain,
        motion="self_serve",
        created_by_user_id=members[0],
        created_at=moment("2025-04-01"),
        updated_at=moment("2025-04-01"),
    )
    world.add(
        "product",
        "subscriptions",
        id=workspace,
        workspace_id=workspace,
        plan_code="free",
        status="active",
        started_at=moment("2025-04-01"),
        created_at=moment("2025-04-01"),
        updated_at=moment("2025-04-01"),
    )
