"""ICP tiers of thirty accounts, worked out by hand: plain Python on raw facts and rule files.

Nothing here uses the warehouse's fit models: only landed rows, the account's identifiers, accepted
events and the CSV files of the rules. The arithmetic: points of the rules that hold, clamped to
their group's cap, scaled to the caps of the groups of which anything is known.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.score_metric import Connection, Metric, share

SEEDS = Path(__file__).parents[1] / "dbt_project" / "seeds"
ACCOUNTS = 30
PER_TIER = 6


@dataclass(frozen=True)
class Fact:
    """One observed value of one attribute, and where it was seen when."""

    attribute: str
    source: str
    value: str
    seen: datetime
    record: str


def tiers_by_hand(connection: Connection) -> Metric:
    """The share of thirty accounts, spread over the tiers, whose tier is the hand-made one."""
    sample = connection.execute(
        """
        select account_key, tier, icp_version, scored_as_of
        from marts.fct_icp_scores
        qualify row_number() over (partition by tier order by md5(account_key)) <= $per_tier
        order by row_number() over (partition by tier order by md5(account_key)), tier
        limit $accounts
        """,
        {"per_tier": PER_TIER * 2, "accounts": ACCOUNTS},
    ).fetchall()
    wrong = []
    for account_key, tier, version, as_of in sample:
        by_hand = tier_of(connection, account_key, int(version), as_of)
        if by_hand != tier:
            wrong.append(f"{account_key[:8]}: {tier}, by hand {by_hand}")
    right = len(sample) - len(wrong)
    return Metric(
        "ICP tiers equal to a hand calculation",
        share(right, len(sample)),
        1.0,
        len(sample),
        "; ".join(wrong),
    )


def tier_of(connection: Connection, account_key: str, version: int, as_of: datetime) -> str:
    """The tier of one account under one version of the rules."""
    best = _best_values(facts(connection, account_key, as_of), as_of)
    gates = [g for g in _rules("icp_gates", version) if _holds(g, best)]
    override = _override(connection, account_key, as_of.date())
    if gates:
        return min(gates, key=lambda gate: gate["gate_id"])["set_tier"]
    if override:
        return override
    settings = _rules("icp_versions", version)[0]
    caps = {g["rule_group"]: float(g["cap"]) for g in _rules("icp_groups", version)}
    points: dict[str, float] = defaultdict(float)
    known: set[str] = set()
    for rule in _rules("icp_rules", version):
        if rule["attribute"] in best:
            known.add(rule["rule_group"])
            if _holds(rule, best):
                points[rule["rule_group"]] += float(rule["points"])
    clamped = sum(max(-caps[g], min(caps[g], points[g])) for g in caps)
    known_caps = sum(caps[g] for g in known)
    scale = sum(caps.values()) if settings["missing_policy"] == "zero" else known_caps
    if known_caps < float(settings["min_coverage"]) * sum(caps.values()) or scale == 0:
        return "U"
    score = 100 * max(0.0, clamped) / scale
    reached = [t for t in _rules("icp_tiers", version) if float(t["min_score"]) <= score + 1e-9]
    return max(reached, key=lambda t: float(t["min_score"]))["tier"]


def facts(connection: Connection, account_key: str, as_of: datetime) -> list[Fact]:
    """Everything that was observed of an account, from the landed rows."""
    ids: dict[str, list[str]] = defaultdict(list)
    for id_type, id_value in connection.execute(
        "select id_type, id_value from marts.account_identifiers where account_key = ?",
        [account_key],
    ).fetchall():
        ids[id_type].append(id_value)
    found = [
        *_salesforce(connection, ids["sfdc_account_id"]),
        *_crunchbase(connection, ids["domain"], as_of),
        *_hubspot(connection, ids["domain"]),
        *_product(connection, ids["organization_id"]),
    ]
    members = _active_members(connection, account_key, as_of)
    if members is not None:
        found.append(Fact("active_members_30d", "product", str(members), as_of, account_key))
    return found


def _salesforce(connection: Connection, accounts: list[str]) -> list[Fact]:
    found: list[Fact] = []
    for key, industry, employees, country, kind, seen in connection.execute(
        """
        select id, industry, number_of_employees, billing_country, type, system_modstamp
        from raw_salesforce.account
        where list_contains($accounts, id) and not is_deleted and _deleted_at is null
        """,
        {"accounts": accounts},
    ).fetchall():
        found += _present("salesforce", seen, key, industry=industry, employees=employees,
                          country=country)  # fmt: skip
        if kind == "Competitor":
            found += _present("salesforce", seen, key, is_competitor="true")
    return found


def _crunchbase(connection: Connection, domains: list[str], as_of: datetime) -> list[Fact]:
    """The profile with the best rank among those whose home page is on the account's domains."""
    profiles = [
        row
        for row in _dicts(connection, "select * from raw_crunchbase.organizations")
        if row["_deleted_at"] is None and _on(row["website_url"], domains)
    ]
    if not profiles:
        return []
    best = min(profiles, key=lambda r: (r["rank_org"] is None, r["rank_org"], r["uuid"]))
    band = next(
        (
            b["employees_from"]
            for b in _file("icp_employee_bands")
            if b["band"] == best["employees_band"]
        ),
        None,
    )
    categories = best["categories"]
    if isinstance(categories, str):
        categories = json.loads(categories)
    days = None
    if best["last_funding_on"] is not None and best["last_funding_on"] <= as_of.date():
        days = (as_of.date() - best["last_funding_on"]).days
    return _present(
        "crunchbase",
        best["updated_at"],
        best["uuid"],
        industry=categories[0]["value"] if categories else None,
        employees=band,
        last_round_days=days,
        total_funding_usd=best["funding_total_usd"],
        country=best["country_code"],
    )


def _hubspot(connection: Connection, domains: list[str]) -> list[Fact]:
    found: list[Fact] = []
    for row in _dicts(connection, "select * from raw_hubspot.companies"):
        if row["_deleted_at"] is None and not row["archived"] and _on(row["domain"], domains):
            found += _present("hubspot", row["updated_at"], row["id"], industry=row["industry"])
    return found


def _product(connection: Connection, organizations: list[str]) -> list[Fact]:
    found: list[Fact] = []
    for key, country, seen in connection.execute(
        """
        select id::varchar, country, updated_at from raw_product.organizations
        where list_contains($organizations, id::varchar)
            and deleted_at is null and _deleted_at is null
        """,
        {"organizations": organizations},
    ).fetchall():
        found += _present("product", seen, key, country=country)
    return found


def _active_members(connection: Connection, account_key: str, as_of: datetime) -> int | None:
    """Distinct people seen in 30 days; None for an account without a living workspace."""
    living = connection.execute(
        """
        select count(*) from marts.dim_workspaces
        where account_key = ? and not is_test and not is_deleted
        """,
        [account_key],
    ).fetchall()[0][0]
    if not living:
        return None
    rows = connection.execute(
        """
        select person_key, user_id from marts.fct_events
        where account_key = $account and user_id is not null
            and event_at >= $start and event_at < $end
        """,
        {"account": account_key, "start": as_of - timedelta(days=30), "end": as_of},
    ).fetchall()
    return len({person or user for person, user in rows})


def _present(source: str, seen: datetime, record: str, **values: object) -> list[Fact]:
    return [
        Fact(attribute, source, str(value).strip(), seen, record)
        for attribute, value in values.items()
        if value is not None and str(value).strip()
    ]


def _best_values(found: list[Fact], as_of: datetime) -> dict[str, str]:
    """Per attribute the value of the source with the highest precedence, then the latest."""
    ranks = {(s["attribute"], s["source"]): s for s in _file("icp_attribute_sources")}
    best: dict[str, tuple[tuple[Any, ...], str]] = {}
    for fact in found:
        rank = ranks.get((fact.attribute, fact.source))
        if rank is None or fact.seen > as_of:
            continue
        if rank["max_age_days"] and fact.seen < as_of - timedelta(days=int(rank["max_age_days"])):
            continue
        order = (-int(rank["precedence"]), as_of - fact.seen, fact.source, fact.record)
        if fact.attribute not in best or order < best[fact.attribute][0]:
            best[fact.attribute] = (order, fact.value)
    return {attribute: value for attribute, (_, value) in best.items()}


def _holds(rule: dict[str, str], values: dict[str, str]) -> bool:
    value = values.get(rule["attribute"])
    if value is None:
        return False
    operator, first, second = rule["operator"], rule["value_1"], rule["value_2"]
    listed = [item.strip().lower() for item in (rule["value_list"] or "").split("|")]
    if operator == "in":
        return value.lower() in listed
    if operator == "not_in":
        return value.lower() not in listed
    if operator == "eq":
        return value.lower() == first.lower()
    if operator == "ne":
        return value.lower() != first.lower()
    number, low = float(value), float(first)
    if operator == "between":
        return low <= number <= float(second)
    return {"gt": number > low, "gte": number >= low, "lt": number < low, "lte": number <= low}[
        operator
    ]


def _override(connection: Connection, account_key: str, today: date) -> str | None:
    held = {
        (id_type, id_value)
        for id_type, id_value in connection.execute(
            "select id_type, id_value from marts.account_identifiers where account_key = ?",
            [account_key],
        ).fetchall()
    }
    valid = [
        o
        for o in _file("icp_manual_overrides")
        if (o["id_type"], o["id_value"]) in held
        and (not o["expires_on"] or date.fromisoformat(o["expires_on"]) >= today)
    ]
    forever = sorted((o for o in valid if not o["expires_on"]), key=lambda o: o["override_id"])
    dated = sorted(valid, key=lambda o: (o["expires_on"], o["override_id"]), reverse=True)
    return (forever or dated)[0]["tier"] if valid else None


def _on(website: str | None, domains: list[str]) -> bool:
    """Whether a home page is on one of these domains."""
    if not website:
        return False
    host = website.lower().split("//")[-1].split("/")[0].split("?")[0].removeprefix("www.")
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _dicts(connection: Connection, sql: str) -> list[dict[str, Any]]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]


def _file(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _rules(name: str, version: int) -> list[dict[str, str]]:
    return [line for line in _file(name) if int(line["icp_version"]) == version]


METRICS = (tiers_by_hand,)
