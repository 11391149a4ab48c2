"""People whose evidence would glue them together: nobody is, in whatever order it arrives."""

from __future__ import annotations

import random
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import comb
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.dbt.dbt_command import dbt

HUMANS = 700
STATE = (
    "marts.identity_key_registry",
    "marts.person_identifier_history",
    "marts.person_key_changes",
    *(f"intermediate.int_identity__{name}" for name in ("owners", "links", "components")),
)
MODELS = (
    *("int_identity__identifiers", "identity_key_registry", "int_identity__nodes"),
    *("int_identity__edges", "int_identity__edges_uncontested"),
    *("int_identity__edges_within_limits", "int_identity__owners"),
    *("int_identity__edges_exclusive", "int_identity__links", "int_identity__components"),
    "person_identifiers",
)
Identifier = tuple[str, str]


@dataclass
class Crowd:
    """Humans, each with identifiers of their own, and bindings of which some are wrong."""

    dice: random.Random
    owner: dict[Identifier, int] = field(default_factory=dict)
    bindings: list[tuple[Identifier, Identifier, str]] = field(default_factory=list)
    listed: list[set[int]] = field(default_factory=list)
    """Humans kept apart by blocked values, by shared mailboxes and by limits, in that order."""

    def own(self, human: int, id_type: str, id_value: str) -> Identifier:
        self.owner[id_type, id_value] = human
        return id_type, id_value

    def bind(self, one: Identifier, other: Identifier, rule: str) -> None:
        self.bindings.append((one, other, rule))


def users(crowd: Crowd) -> list[Identifier]:
    """Product users with an address, devices, and often a lead and an Outreach prospect."""
    found = []
    for human in range(1, HUMANS + 1):
        user = crowd.own(human, "user_id", str(human))
        email = crowd.own(human, "email", f"user{human}@firm{human % 90}.io")
        crowd.bind(user, email, "account_email")
        for number in range(crowd.dice.randrange(1, 4)):
            device = crowd.own(human, "anonymous_id", f"device-{human}-{number}")
            crowd.bind(user, device, "event_device")
        if crowd.dice.random() < 0.5:
            lead = crowd.own(human, "sfdc_lead_id", f"00Q{human:015d}")
            crowd.bind(lead, email, "lead_email")
        if crowd.dice.random() < 0.3:
            prospect = crowd.own(human, "outreach_prospect_id", str(human))
            crowd.bind(prospect, email, "outreach_email")
        found.append(user)
    return found


def strangers(crowd: Crowd) -> list[tuple[Identifier, Identifier]]:
    """Leads whom the product does not know, with the address each has."""
    found = []
    for human in range(HUMANS + 1, HUMANS + 301):
        lead = crowd.own(human, "sfdc_lead_id", f"00Q{human:015d}")
        email = crowd.own(human, "email", f"stranger{human}@elsewhere{human % 40}.io")
        marketo = crowd.own(human, "marketo_lead_id", str(human))
        crowd.bind(lead, email, "lead_email")
        crowd.bind(marketo, lead, "marketo_sync")
        found.append((lead, email))
    return found


def planted(seed: int) -> Crowd:
    """A crowd with all the traps."""
    crowd = Crowd(random.Random(seed))
    dice, known, unknown = crowd.dice, users(crowd), strangers(crowd)
    for kiosk in range(8):
        for user in dice.sample(known, 6):
            crowd.bind(user, ("anonymous_id", f"kiosk-{kiosk}"), "event_device")
    for home in range(20):
        for user in dice.sample(known, 2):
            crowd.bind(user, ("anonymous_id", f"household-{home}"), "event_device")
    for number, (one, other) in enumerate(pairwise(known[:120])):
        crowd.bind(one, ("anonymous_id", f"chained-{number}"), "event_device")
        crowd.bind(other, ("anonymous_id", f"chained-{number}"), "event_device")
    for user in dice.sample(known, 40):
        crowd.bind(user, ("anonymous_id", "00000000-0000-0000-0000-000000000000"), "event_device")
    for inbox in range(6):
        for user in dice.sample(known, 3):
            crowd.bind(user, ("email", f"team{inbox}@firm.io"), "form_email")
    leads = [one for one in crowd.owner if one[0] == "sfdc_lead_id" and crowd.owner[one] <= HUMANS]
    for lead in dice.sample(leads, 3):
        others = [user for user in known if crowd.owner[user] != crowd.owner[lead]]
        crowd.bind(lead, dice.choice(others), "lead_user")
    for one, other in zip(known[200:220], known[400:420], strict=True):
        crowd.bind(other, ("email", f"user{one[1]}@firm{int(one[1]) % 90}.io"), "invite_accepted")
    for human in range(500, 515):  # a friend's address, typed on one's own device
        friend = human + 100
        address = ("email", f"user{friend}@firm{friend % 90}.io")
        crowd.bind(("anonymous_id", f"device-{human}-0"), address, "form_email")
    chosen = dice.sample(unknown, 36)
    for lead, _ in chosen[:12]:
        crowd.bind(lead, ("email", "nobody@example.com"), "lead_email")
    for lead, _ in chosen[12:24]:
        crowd.bind(lead, ("email", "office@firm1.io"), "lead_email")
    for _, email in chosen[24:]:
        crowd.bind(("anonymous_id", "fair-tablet"), email, "form_email")
    crowd.listed = [{crowd.owner[lead] for lead, _ in chosen[n : n + 12]} for n in (0, 12, 24)]
    return crowd


def build(warehouse: Path, bindings: list[tuple[Identifier, Identifier, str]]) -> None:
    at = datetime(2025, 8, 1)
    rows = [
        {
            **dict(zip(("left_type", "left_value"), one, strict=True)),
            **dict(zip(("right_type", "right_value"), other, strict=True)),
            **{"rule_id": rule, "strength": 0.9, "source_record": f"{one}{other}"},
            **{"first_seen_at": at, "last_seen_at": at},
        }
        for one, other, rule in bindings
    ]
    with duckdb.connect(str(warehouse)) as connection:
        connection.register("rows", pa.Table.from_pylist(rows))
        connection.execute("delete from intermediate.int_identity__evidence")
        connection.execute("insert into intermediate.int_identity__evidence by name from rows")
    dbt(warehouse, "run", "--select", *MODELS)


def people(warehouse: Path, crowd: Crowd) -> dict[str, list[Identifier]]:
    """The crowd's own identifiers by person."""
    found: dict[str, list[Identifier]] = defaultdict(list)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        for id_type, id_value, person in connection.execute(
            "select id_type, id_value, person_key from marts.person_identifiers"
        ).fetchall():
            if (id_type, id_value) in crowd.owner:
                found[person].append((id_type, id_value))
    return found


def glued(found: dict[str, list[Identifier]], crowd: Crowd) -> list[set[int]]:
    humans = [{crowd.owner[one] for one in ids} for ids in found.values()]
    return [several for several in humans if len(several) > 1]


@pytest.fixture(scope="module")
def empty(people_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    warehouse = tmp_path_factory.mktemp("adversaries") / "warehouse.duckdb"
    shutil.copy(people_warehouse, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        for table in STATE:
            connection.execute(f"drop table {table}")
    return warehouse


def copied(empty: Path, folder: Path) -> Path:
    folder.mkdir()
    return Path(shutil.copy(empty, folder / "warehouse.duckdb"))


def test_nobody_is_glued_in_any_order_of_arrival(empty: Path, tmp_path: Path) -> None:
    crowd = planted(17)
    at_once = copied(empty, tmp_path / "at_once")
    build(at_once, crowd.bindings)
    found = people(at_once, crowd)
    assert glued(found, crowd) == []
    together = sum(
        comb(n, 2)
        for ids in found.values()
        for n in Counter(crowd.owner[one] for one in ids).values()
    )
    true = sum(comb(n, 2) for n in Counter(crowd.owner.values()).values())
    assert together / true >= 0.998, together / true

    piecemeal = copied(empty, tmp_path / "piecemeal")
    arriving = crowd.bindings[:]
    random.Random(23).shuffle(arriving)
    for share in (0.3, 0.7, 1.0):
        build(piecemeal, arriving[: int(share * len(arriving))])
    assert set(map(frozenset, people(piecemeal, crowd).values())) == set(
        map(frozenset, found.values())
    )


def test_each_list_of_the_guards_is_needed(empty: Path, tmp_path: Path) -> None:
    crowd = planted(17)
    unguarded = copied(empty, tmp_path / "unguarded")
    with duckdb.connect(str(unguarded)) as connection:
        for seed in ("identity_blocked_values", "role_local_parts", "identity_degree_limits"):
            connection.execute(f"delete from seeds.{seed}")
    build(unguarded, crowd.bindings)
    merged = glued(people(unguarded, crowd), crowd)
    assert all(any(trap <= humans for humans in merged) for trap in crowd.listed)
