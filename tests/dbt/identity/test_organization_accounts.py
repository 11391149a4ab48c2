"""Which account an organization keeps while rules change their mind, against the rule in words."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from tests.dbt.dbt_command import dbt

RULES = {"manual": 1.0, "verified_domain": 0.98, "billing_domain": 0.9, "member_majority": 0.8}
RULES |= {"creator_domain": 0.85, "personal": 0.5}
START = datetime(2025, 8, 29)
DAYS = (0, 1, 5, 8, 9)
ORGANIZATIONS = 150


@dataclass(frozen=True)
class Candidate:
    root: str
    rule: str

    @property
    def confidence(self) -> float:
        return RULES[self.rule]


@dataclass(frozen=True)
class Held:
    root: str
    rule: str
    challenger: str | None = None
    since: datetime | None = None


def decide(held: Held | None, ranked: list[Candidate], now: datetime, seen: Counter[str]) -> Held:
    """The rule, said without SQL."""
    best = ranked[0]
    taken = Held(best.root, best.rule)
    if held is None or best.root == held.root:
        return taken
    standing = [candidate for candidate in ranked if candidate.root == held.root]
    if "manual" in (best.rule, held.rule):
        seen["by hand"] += 1
        return taken
    if not standing:
        seen["nothing speaks for it"] += 1
        return taken
    if round(best.confidence - standing[0].confidence, 6) >= 0.1:
        seen["far ahead"] += 1
        return taken
    since = held.since if held.challenger == best.root and held.since else now
    if held.challenger == best.root and now - since >= timedelta(days=7):
        seen["persisted"] += 1
        return taken
    seen["waits"] += 1
    return Held(held.root, standing[0].rule, best.root, since)


def opinions(dice: random.Random) -> list[Candidate]:
    """What the rules say about one organization, the strongest first."""
    rules = [rule for rule in RULES if rule != "personal" and dice.random() < 0.5]
    if "manual" in rules and dice.random() < 0.9:
        rules.remove("manual")
    ranked = sorted(rules, key=lambda rule: -RULES[rule])
    found = [Candidate(f"account:{dice.randrange(3)}", rule) for rule in ranked]
    return [*found, Candidate("itself", "personal")]


def test_accounts_are_held_as_the_rule_says(people_warehouse: Path, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(people_warehouse, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("drop table marts.organization_account_history")
    dice, seen = random.Random(3), Counter[str]()
    told = {number: opinions(dice) for number in range(ORGANIZATIONS)}
    held: dict[int, Held] = {}
    periods: Counter[int] = Counter()
    for day in DAYS:
        now = START + timedelta(days=day)
        for number in told:
            if dice.random() < 0.25:
                told[number] = opinions(dice)
        _write(warehouse, told)
        dbt(
            warehouse,
            *("run", "--select", "organization_account_history"),
            variables={"as_of": str(now)},
        )
        for number, ranked in told.items():
            before = held.get(number)
            held[number] = decide(before, ranked, now, seen)
            same = before and (before.root, before.rule) == (held[number].root, held[number].rule)
            periods[number] += not same
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            rows = connection.execute(
                "select organization_id, account_root, rule_id, challenger_root, challenger_since "
                "from marts.organization_account_history where closed_in is null"
            ).fetchall()
            assert {int(key): Held(*values) for key, *values in rows} == held
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        counted = connection.execute(
            "select organization_id::integer, count(*) from marts.organization_account_history "
            "group by all"
        ).fetchall()
        gaps = connection.execute(
            "select count(*) from marts.organization_account_history as one where closed_in is not "
            "null and not exists (select 1 from marts.organization_account_history as next where "
            "next.organization_id = one.organization_id and next.opened_in = one.closed_in "
            "and next.valid_from = one.valid_to)"
        ).fetchone()
    assert dict(counted) == dict(periods)
    assert gaps == (0,)
    assert len(seen) == 5 and min(seen.values()) >= 3, seen


def _write(warehouse: Path, told: dict[int, list[Candidate]]) -> None:
    rows = [
        {
            "organization_id": str(number),
            "rule_id": candidate.rule,
            "account_root": candidate.root,
            "confidence": candidate.confidence,
            "place": place,
        }
        for number, ranked in told.items()
        for place, candidate in enumerate(ranked, start=1)
    ]
    with duckdb.connect(str(warehouse)) as connection:
        connection.register("rows", pa.Table.from_pylist(rows))
        table = "intermediate.int_accounts__organization_candidates"
        connection.execute(f"delete from {table}")
        connection.execute(f"insert into {table} by name from rows")
