"""Flagging events load by load gives what flagging them all at once gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.dbt.dbt_command import dbt
from tests.dbt.growth.raw import RawWorld

MODEL = "int_events__flagged"
START = datetime(2025, 8, 1, 9)
USERS, WORKSPACES = 6, 3
Row = tuple[object, ...]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Users and workspaces, no event yet, and the parents of the model built."""
    path = tmp_path_factory.mktemp("events") / "warehouse.duckdb"
    raw = RawWorld()
    for number in range(1, USERS + 1):
        raw.add("product", "users", id=number, email=f"u{number}@acme.com", is_staff=number == 1)
    for number in range(1, WORKSPACES + 1):
        raw.add("product", "workspaces", id=number, organization_id=1, is_test=number == 1)
    raw.write(path)
    dbt(
        path,
        "build",
        "--select",
        f"+{MODEL}",
        "--exclude",
        MODEL,
        "resource_type:unit_test",
        "resource_type:test",
    )
    return path


def land(connection: duckdb.DuckDBPyConnection, load: int, dice: random.Random) -> None:
    """Some events, so close to each other that many share insert ids or are alike."""
    keys = "event, event_at, distinct_id, insert_id"
    known = set(connection.execute(f"select {keys} from raw_mixpanel.events").fetchall())
    for _ in range(120):
        user = str(dice.randint(1, USERS))
        name = dice.choice(("Page Viewed", "Pricing Viewed", "Group Order Shared"))
        moment = START + timedelta(seconds=dice.randint(0, 60))
        key = (name, moment, user, f"i{dice.randint(1, 150)}")
        workspace = dice.choice((1, 2, 2, 3))
        environment = dice.choice(("production", "staging", None))
        looks = (dice.choice(("Firefox", "Googlebot")), dice.choice(("/", "/pricing")))
        if key not in known:
            known.add(key)
            connection.execute(
                f"insert into raw_mixpanel.events ({keys}, user_id, workspace_id, environment, "
                "user_agent, current_url, _load_id, _landed_at) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [*key, user, workspace, environment, *looks, f"load-{load}", START],
            )


def a_user_joins_the_staff(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("update raw_product.users set is_staff = id in (2, 3)")


def a_workspace_becomes_a_test(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("update raw_product.workspaces set is_test = id = 3")


def an_event_is_deleted(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "update raw_mixpanel.events set _deleted_at = '2025-08-02', _load_id = 'load-deletes' "
        "where insert_id in ('i1', 'i2', 'i3')"
    )


def a_rule_changes(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("update seeds.near_duplicate_events set within_seconds = 5")


STEPS: tuple[tuple[Callable[[duckdb.DuckDBPyConnection], None], ...], ...] = (
    (),
    (a_rule_changes,),  # every event is flagged anew, which hides what went wrong before
    (a_user_joins_the_staff,),
    (a_workspace_becomes_a_test, an_event_is_deleted),
    (),
)
"""What changes before each run of the model, beside a load of new events."""


def flagged(warehouse: Path) -> list[Row]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(
            f"select * from intermediate.{MODEL} order by event_id"
        ).fetchall()


def test_load_by_load_equals_all_at_once(world: Path) -> None:
    dice = random.Random(1)
    for load, changes in enumerate(STEPS):
        with duckdb.connect(str(world)) as connection:
            for change in changes:
                change(connection)
            land(connection, load, dice)
        dbt(world, "run", "--select", MODEL)
    step_by_step = flagged(world)
    dbt(world, "run", "--select", MODEL, "--full-refresh")
    at_once = flagged(world)

    assert len(at_once) > 400
    assert step_by_step == at_once
    with duckdb.connect(str(world), read_only=True) as connection:
        kinds = connection.execute(
            "select count(*) filter (is_internal), count(*) filter (is_test), "
            "count(*) filter (is_bot or is_other_environment), count(*) filter "
            "(is_exact_duplicate), count(*) filter (is_near_duplicate), "
            f"count(*) filter (is_accepted) from intermediate.{MODEL}"
        ).fetchone()
    assert kinds is not None
    assert all(kinds), kinds
