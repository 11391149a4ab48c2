"""A company of which every answer is known by hand: sixteen teams over, near or under their plan.

As of 2025-08-29. Each team is one customer with one workspace and one admin, and differs from
``Alder`` in exactly one thing, which its comment names.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from tests.dbt.growth.raw import RawWorld, moment

AS_OF = "2025-08-29T00:00:00"
TEAMS = {
    1: "Alder",  # far over, good fit: passes every predicate
    2: "Birch",  # a little over
    3: "Cedar",  # far over, poor fit
    4: "Dogwood",  # an active opportunity
    5: "Elm",  # an active opportunity on the parent
    6: "Fir",  # a stale opportunity
    7: "Ginkgo",  # on the sheet by workspace id
    8: "Hazel",  # on the sheet by a 15-character account id
    9: "Ivy",  # on the sheet by domain
    10: "Juniper",  # on the sheet, expired
    11: "Kapok",  # an extension
    12: "Larch",  # no admin who agreed to marketing mail
    13: "Maple",  # sales-assisted
    14: "Nutmeg",  # under its plan
    15: "Oak",  # on a plan that is not on the price list
    16: "Palm",  # an old opportunity in a late stage
}
FAR_OVER = {"Alder", "Cedar"}
NO_BREAK_SPACE = "\u00a0"


def workspace_id(team: str) -> str:
    """The workspace of a team."""
    return str(1000 + _number(team))


def sfdc_account_id(team: str) -> str:
    """The Salesforce account of a team (all lower case, so that the checksum suffix is AAA)."""
    return f"0015g000000{_number(team):04d}AAA"


def user_id(team: str) -> str:
    """The admin of a team."""
    return str(10000 + _number(team))


def build() -> RawWorld:
    """All raw rows."""
    world = RawWorld()
    _price_list(world)
    for number, team in TEAMS.items():
        _team(world, number, team)
    _sales(world)
    _sheet(world)
    _people(world)
    _events(world)
    _not_customers(world)
    return world


def _number(team: str) -> int:
    return next(number for number, name in TEAMS.items() if name == team)


def _price_list(world: RawWorld) -> None:
    included = {"free": (60, 15, 1000), "team": (600, 100, 20000), "enterprise": (None,) * 3}
    meters = (("order_lines", "flow"), ("member_profiles", "stock"), ("api_calls", "flow"))
    for rank, (code, units) in enumerate(included.items()):
        price = {"free": 0, "team": 4900}.get(code)
        world.add(
            "product",
            "plans",
            id=rank + 1,
            code=code,
            name=code,
            tier_rank=rank,
            is_self_serve=code != "enterprise",
            monthly_price_cents=price,
        )
        for position, ((meter, kind), unit) in enumerate(zip(meters, units, strict=True)):
            world.add(
                "product",
                "plan_entitlements",
                id=rank * 3 + position + 1,
                plan_code=code,
                meter=meter,
                meter_kind=kind,
                included=unit,
            )


def _team(world: RawWorld, number: int, team: str) -> None:
    domain = f"{team.lower()}-works.com"
    created = moment("2025-03-01")
    world.add(
        "product",
        "users",
        id=10000 + number,
        email=f"ada@{domain}",
        full_name=f"Ada {team}",
        title="Office manager",
        country="US",
        marketing_consent=team != "Larch",
        sales_consent=True,
        created_at=created,
        updated_at=created,
        email_verified_at=created,
    )
    world.add(
        "product",
        "organizations",
        id=100 + number,
        name=f"{team} Works",
        verified_domain=domain,
        country="US",
        salesforce_account_id=sfdc_account_id(team),
        created_by_user_id=10000 + number,
        created_at=created,
        updated_at=created,
    )
    _workspace(world, 1000 + number, 100 + number, 10000 + number, name=f"{team} HQ", team=team)
    world.add(
        "salesforce",
        "account",
        id=sfdc_account_id(team),
        name=f"{team} Works",
        website=f"https://www.{domain}/",
        type="Prospect",
        parent_id="0015g0000009999AAA" if team == "Elm" else None,
        created_at=created,
        system_modstamp=created,
    )
    _crunchbase(world, number, domain, good=team != "Cedar")
    _usage(world, 1000 + number, 96 if team in FAR_OVER else 30 if team == "Nutmeg" else 70)


def _workspace(
    world: RawWorld, number: int, organization: int, user: int, *, name: str, team: str = ""
) -> None:
    created = moment("2025-03-01T12:00")
    world.add(
        "product",
        "workspaces",
        id=number,
        organization_id=organization,
        name=name,
        motion="sales_assisted" if team == "Maple" else "self_serve",
        is_test=team == "test",
        created_by_user_id=user,
        created_at=created,
        updated_at=created,
        deleted_at=moment("2025-08-01") if team == "deleted" else None,
    )
    world.add(
        "product",
        "memberships",
        id=number,
        workspace_id=number,
        user_id=user,
        role="admin",
        joined_at=created,
        created_at=created,
        updated_at=created,
    )
    world.add(
        "product",
        "subscriptions",
        id=number,
        workspace_id=number,
        plan_code="team_2024" if team == "Oak" else "free",
        status="active",
        started_at=created,
        created_at=created,
        updated_at=created,
    )


def _crunchbase(world: RawWorld, number: int, domain: str, *, good: bool) -> None:
    funded: dict[str, Any] = (
        {
            "funding_total_usd": 20_000_000.0,
            "last_funding_on": date(2025, 2, 1),
            "last_funding_type": "series_b",
        }
        if good
        else {}
    )
    world.add(
        "crunchbase",
        "organizations",
        uuid=f"uuid-{number}",
        permalink=domain,
        name=domain,
        website_url=f"https://{domain}",
        categories=[{"value": "Software" if good else "Construction"}],
        employees_band="c_00101_00250" if good else "c_00011_00050",
        country_code="US",
        updated_at=moment("2025-02-10"),
        **funded,
    )


def _usage(world: RawWorld, workspace: int, total: int) -> None:
    """``total`` order lines in August on two days; a tenth of it in July; ten profiles."""
    rows = [
        ("order_lines", date(2025, 7, 10), total // 10),
        ("order_lines", date(2025, 8, 5), total - 20),
        ("order_lines", date(2025, 8, 20), 20),
        ("member_profiles", date(2025, 8, 1), 12),
        ("member_profiles", date(2025, 8, 21), 10),
    ]
    for position, (meter, day, quantity) in enumerate(rows):
        world.add(
            "product",
            "usage_daily",
            id=workspace * 10 + position,
            workspace_id=workspace,
            meter=meter,
            usage_date=day,
            quantity=quantity,
            updated_at=moment("2025-08-21"),
        )
    if total > 60 and workspace != 1000 + _number("Birch"):
        world.add(
            "product",
            "overage_state",
            id=workspace,
            workspace_id=workspace,
            meter="order_lines",
            period_start=date(2025, 8, 1),
            state="overage",
            extension_until=(
                moment("2025-09-10") if workspace == 1000 + _number("Kapok") else None
            ),
            created_at=moment("2025-08-20T23:50"),
            updated_at=moment("2025-08-20T23:50"),
        )


def _sales(world: RawWorld) -> None:
    world.add(
        "salesforce",
        "account",
        id="0015g0000009999AAA",
        name="Elm Holding",
        website="elm-holding.com",
        type="Prospect",
        created_at=moment("2025-01-01"),
        system_modstamp=moment("2025-01-01"),
    )
    opportunities = {
        "Dogwood": (sfdc_account_id("Dogwood"), "Qualification", date(2025, 8, 20)),
        "Elm": ("0015g0000009999AAA", "Qualification", date(2025, 8, 20)),
        "Fir": (sfdc_account_id("Fir"), "Qualification", date(2025, 6, 1)),
        "Palm": (sfdc_account_id("Palm"), "Negotiation/Review", date(2025, 2, 1)),
    }
    for team, (account, stage, touched) in opportunities.items():
        world.add(
            "salesforce",
            "opportunity",
            id=f"0065g000000{_number(team):04d}AAA",
            account_id=account,
            name=team,
            stage_name=stage,
            is_closed=False,
            last_activity_on=touched,
            created_at=moment("2025-01-20"),
            system_modstamp=moment("2025-01-20"),
        )


def _sheet(world: RawWorld) -> None:
    lines = [
        (f"'{workspace_id('Ginkgo')}{NO_BREAK_SPACE}", None),
        (sfdc_account_id("Hazel")[:15], "31.12.2025"),
        ("https://www.ivy-works.com/about?x=1", ""),
        (workspace_id("Juniper"), "July 30, 2025"),
        ("99999999", None),
        ("Acme guys (ask Tom)", None),
        (f"{NO_BREAK_SPACE}{workspace_id('Ginkgo')}", "soon"),
        ("#N/A", None),
    ]
    for position, (key, expires_on) in enumerate(lines):
        world.add(
            "exclusions_sheet",
            "exclusions",
            row_number=position + 2,
            key=key,
            reason="Asked for it",
            expires_on=expires_on,
        )


def _people(world: RawWorld) -> None:
    """Birch's admin is a lead of sales, Cedar's a contact, Fir's a lead that Headwater made."""
    for team, source in (("Birch", "Web"), ("Fir", "Product Signup")):
        made_by_us = source == "Product Signup"
        world.add(
            "salesforce",
            "lead",
            id=f"00Q5g000000{_number(team):04d}AAA",
            email=f"Ada@{team.lower()}-works.com",
            last_name=team,
            company=team,
            lead_source=source,
            is_converted=False,
            plg_user_id=user_id(team) if made_by_us else None,
            plg_org_id=str(100 + _number(team)) if made_by_us else None,
            created_at=moment("2025-06-01"),
            system_modstamp=moment("2025-06-01"),
        )
    world.add(
        "salesforce",
        "contact",
        id="0035g0000000003AAA",
        account_id=sfdc_account_id("Cedar"),
        email="ada@cedar-works.com",
        last_name="Cedar",
        created_at=moment("2025-06-01"),
        system_modstamp=moment("2025-06-01"),
    )


def _events(world: RawWorld) -> None:
    """Alder shared twice in its first week; Birch's second time is on the dot of the eighth day."""
    world.add(
        "product",
        "users",
        id=20001,
        email="bo@alder-works.com",
        full_name="Bo",
        marketing_consent=False,
        created_at=moment("2025-03-02"),
        updated_at=moment("2025-03-02"),
    )
    world.add(
        "product",
        "memberships",
        id=20001,
        workspace_id=1001,
        user_id=20001,
        role="member",
        joined_at=moment("2025-03-02"),
    )
    shared, connected, placed = "Group Order Shared", "Slack Connected", "Group Order Placed"
    rows = [
        (shared, "2025-03-02T10:00", "Alder", 10001),
        (shared, "2025-03-05T10:00", "Alder", 10001),
        (shared, "2025-03-06T10:00", "Alder", 10001),
        (shared, "2025-03-02T10:00", "Birch", 10002),
        (shared, "2025-03-08T12:00", "Birch", 10002),
        (connected, "2025-03-08T11:59", "Fir", 10006),
        (connected, "2025-03-09T09:00", "Elm", 10005),
        (placed, "2025-08-25T10:00", "Alder", 10001),
        (placed, "2025-08-26T10:00", "Alder", 20001),
        ("Page Viewed", "2025-08-26T11:00", "Alder", 20001),
        (placed, "2025-06-01T10:00", "Alder", 10001),
    ]
    for position, (event, at, team, user) in enumerate(rows):
        world.add(
            "mixpanel",
            "events",
            event=event,
            event_at=moment(at),
            distinct_id=str(user),
            user_id=str(user),
            device_id=f"device-{user}",
            insert_id=f"insert-{position}",
            workspace_id=int(workspace_id(team)),
            platform="web",
            environment="production",
        )


def _not_customers(world: RawWorld) -> None:
    """Workspaces over their plan that no audience may hold: our own, a test's, a deleted one."""
    for number, (team, email) in enumerate(
        [
            ("internal", "eve@groupgrub.com"),
            ("test", "bot@alder-works.com"),
            ("deleted", "dee@deleted-works.com"),
        ]
    ):
        world.add(
            "product",
            "users",
            id=30000 + number,
            email=email,
            full_name="Eve Lee",
            is_staff=team == "internal",
            marketing_consent=True,
            created_at=moment("2025-03-01"),
            updated_at=moment("2025-03-01"),
        )
        world.add(
            "product",
            "organizations",
            id=900 + number,
            name=f"{team} org",
            created_by_user_id=30000 + number,
            verified_domain=email.partition("@")[2] if team != "test" else None,
        )
        _workspace(world, 9000 + number, 900 + number, 30000 + number, name=team, team=team)
        _usage(world, 9000 + number, 96)
