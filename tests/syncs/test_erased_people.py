"""What syncs remember of somebody erased: taken back where it was delivered, then forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from shutil import copyfile
from typing import Any

import duckdb
import pytest

from headwater.erasures import Tombstones
from syncs import erased_people
from syncs.definition import Removal
from syncs.erased_people import find_remembered, forget_erased
from syncs.plan import plan
from syncs.run import purge
from syncs.state import RunStatus, moved_path, state_path
from tests.state_places import in_both_places
from tests.syncs.world import World, prospect

ANN = "p1@example.com"
GONE = Tombstones.of([f"email:{ANN}", "person_key:person-1", "user_id:11"])
CAMPAIGN = "hubspot__overage_campaign"
PROSPECTS = "outreach__prospects"


def campaign(email: str, number: int) -> tuple[Any, ...]:
    return (email, "Pat", "Lee", "overage_self_serve", f"{number}", "Office", "api_calls", 1.5)


@pytest.fixture
def delivered(world: World, state_place: Mapping[str, Any]) -> World:
    """Ann (1) and Bob (2) at HubSpot and Outreach; the models without Ann."""
    world.settings = world.settings.model_copy(update=dict(state_place))
    world.model(CAMPAIGN, campaign("P1@Example.com", 1), campaign("p2@example.com", 2))
    world.model(PROSPECTS, prospect(1), prospect(2))
    for name in (CAMPAIGN, PROSPECTS):
        assert world.run(name).status is RunStatus.CLEAN
    world.model(CAMPAIGN, campaign("p2@example.com", 2))
    world.model(PROSPECTS, prospect(2))
    return world


def remembered(world: World) -> str:
    """All that the state, the audit and sealed plans hold."""
    told = []
    for path in sorted(world.settings.sync_state.rglob("*")):
        if path.suffix == ".duckdb":
            told.append(path.read_bytes().decode("latin-1"))
            with duckdb.connect(str(path), read_only=True) as connection:
                tables = connection.execute("select table_name from duckdb_tables()").fetchall()
                for (table,) in tables:
                    told.append(str(connection.execute(f"from {table}").fetchall()))
        elif path.suffix == ".parquet":
            told.append(str(duckdb.sql(f"from '{path}'").fetchall()))
        elif path.is_file():
            told.append(path.read_text())
    return "\n".join(told).lower()


@in_both_places
def test_rows_are_taken_back_where_removal_says_so_and_then_forgotten_everywhere(
    delivered: World,
) -> None:
    found = {one.sync: (one.removal, one.keys) for one in find_remembered(delivered.settings, GONE)}
    assert found == {
        CAMPAIGN: (Removal.CLEAR, {"P1@Example.com"}),
        PROSPECTS: (Removal.IGNORE, {"person-1"}),
    }
    sealed = plan(CAMPAIGN, delivered.settings, sealed=True).plan_id
    assert ANN in remembered(delivered) and "person-1" in remembered(delivered)
    forgotten, owed = forget_erased(delivered.settings, delivered.clock, GONE)
    assert (forgotten, owed) == ({CAMPAIGN: 1, PROSPECTS: 1, f"plan {sealed}": 1}, {})
    told = remembered(delivered)
    assert ANN not in told and "person-1" not in told
    assert find_remembered(delivered.settings, GONE) == []
    assert "p2@example.com" in told and "person-2" in told
    campaigns = {
        row["properties"]["email"].lower(): row["properties"]["plg_campaign"]
        for row in delivered.stored("hubspot", "contacts")
    }
    assert campaigns == {ANN: None, "p2@example.com": "overage_self_serve"}
    assert [delivered.run(name).calls for name in (CAMPAIGN, PROSPECTS)] == [0, 0]
    assert forget_erased(delivered.settings, delivered.clock, GONE) == ({}, {})


def test_what_a_destination_has_not_acknowledged_is_owed_and_not_forgotten(
    delivered: World,
) -> None:
    body = {"message": f"no write of {ANN} just now"}
    delivered.served.fault("hubspot", "/batch/update", "status", times=None, status=503, body=body)
    forgotten, owed = forget_erased(delivered.settings, delivered.clock, GONE)
    assert set(forgotten) == {PROSPECTS} and set(owed) == {CAMPAIGN}
    assert ANN in remembered(delivered) and ANN not in str(owed)
    delivered.served.faults.clear()
    assert forget_erased(delivered.settings, delivered.clock, GONE) == ({CAMPAIGN: 1}, {})
    assert ANN not in remembered(delivered)
    assert "no write of [erased] just now" in remembered(delivered)


def test_bytes_of_a_state_that_forgot_before_a_kill_go_with_the_next_try(
    delivered: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {name: moved_path(delivered.settings, name) for name in (CAMPAIGN, PROSPECTS)}
    for name, file in left.items():  # as if the state were in PostgreSQL now
        copyfile(state_path(delivered.settings, name), file)
    purge(PROSPECTS, delivered.settings, delivered.clock, "person-1")
    copyfile(state_path(delivered.settings, PROSPECTS), left[PROSPECTS])
    with monkeypatch.context() as patched:
        patched.setattr(erased_people, "write_anew", lambda *_, **__: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            forget_erased(delivered.settings, delivered.clock, GONE)
    assert find_remembered(delivered.settings, GONE) == []
    forget_erased(delivered.settings, delivered.clock, GONE)
    assert [file.exists() for file in left.values()] == [False, True]
    left[PROSPECTS].unlink()
    told = remembered(delivered)
    assert ANN not in told and "person-1" not in told


class Killed(BaseException):
    pass
