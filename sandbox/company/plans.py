"""The price list of GroupGrub for Work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """One plan; ``included`` by meter per month, None for unlimited."""

    id: int
    code: str
    name: str
    rank: int
    self_serve: bool
    price_cents: int | None
    included: dict[str, int | None]


METERS = ("order_lines", "member_profiles", "api_calls")
METER_KIND = {"order_lines": "flow", "member_profiles": "stock", "api_calls": "flow"}


def _plan(
    number: int,
    code: str,
    price: int | None,
    lines: int | None,
    profiles: int | None,
    api: int | None,
) -> Plan:
    return Plan(
        number,
        code,
        code.capitalize(),
        number - 1,
        code != "enterprise",
        price,
        dict(zip(METERS, (lines, profiles, api), strict=True)),
    )


PLANS = {
    plan.code: plan
    for plan in (
        _plan(1, "free", 0, 60, 15, 1_000),
        _plan(2, "team", 4_900, 600, 100, 20_000),
        _plan(3, "business", 24_900, 3_000, 500, 200_000),
        _plan(4, "enterprise", None, None, None, None),
    )
}
UNKNOWN_PLAN = "team_2024"
"""A code that one subscription carries and no plan has: planted bad input."""
