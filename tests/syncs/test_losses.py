"""The state in PostgreSQL at the worst moment: a session cut off, a server set up carelessly, a
move killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import psycopg
import pytest
from pydantic import SecretStr

from headwater.errors import GuardError, StateUnavailableError
from headwater.postgres import PostgresDatabase
from syncs import history
from syncs.destination import Outcome, RowResult
from syncs.moving import move_to_postgres
from syncs.run import run
from syncs.state import RunStatus, open_state
from tests.state_places import ROLE
from tests.syncs.bench import a_definition, go
from tests.syncs.memory_destination import Killed, MemoryDestination

pytestmark = pytest.mark.parametrize("state_place", ["postgresql"], indirect=True)


def until_one_waits(state_server):
    """For a lock of a table or a row that another holds."""
    for _ in range(1000):
        if state_server.ask("select 1 from pg_stat_activity where wait_event_type = 'Lock'"):
            return
        sleep(0.02)
    raise AssertionError("nobody waits")


def test_a_runner_that_lost_its_session_is_not_overtaken_in_its_own_home(bench, state_server):
    """It goes on with the calls of its batch, which the next one would send too."""

    class Cut(MemoryDestination):
        def deliver(self, batch, remember):
            state_server.ask("select pg_terminate_backend(pid) from pg_locks "
                             "where locktype = 'advisory' and pid <> pg_backend_pid()")  # fmt: skip
            others.append(go(bench, MemoryDestination()))
            return super().deliver(batch, remember)

    there, others = Cut(), []
    bench.model({"x": ("1", 1.0)})
    assert go(bench, there).status is RunStatus.FAILED
    assert [other.status for other in others] == [RunStatus.BUSY]
    other = MemoryDestination(records=there.records)
    second = go(bench, other)
    assert (second.status, second.recovered, other.writes) == (RunStatus.CLEAN, 1, 0)


def test_rows_cut_off_on_their_way_are_a_lost_state_not_a_mistake(bench):
    with open_state(bench.settings, "things") as state:
        suicide = "case when n = 200000 then pg_terminate_backend(pg_backend_pid()) end"
        with pytest.raises(StateUnavailableError, match="terminating connection"):
            state.fetch("cut", f"select n, {suicide} from generate_series(1, 400000) as all_of(n)")


def test_what_a_role_sets_carelessly_takes_no_durability_and_no_session(bench, state_server):
    for careless in ("synchronous_commit = off", "idle_session_timeout = '1s'"):
        state_server.ask(f"alter role {ROLE} set {careless}")
    try:
        with open_state(bench.settings, "things") as state:
            asked = (
                "select setting from pg_settings "
                "where name in ('idle_session_timeout', 'synchronous_commit') order by name"
            )
            state.fetch("found", asked)
            assert state.rows(asked) == [("0",), ("on",)]
            assert state.compute.sql("from found").fetchall() == [("0",), ("on",)]
    finally:
        state_server.ask(f"alter role {ROLE} reset all")


def test_runners_that_start_together_make_one_schema(bench, state_server):
    url = SecretStr(state_server.admin_url)
    with psycopg.connect(state_server.admin_url) as faster, ThreadPoolExecutor(1) as pool:
        faster.execute("create schema made_at_once")
        slower = pool.submit(PostgresDatabase, url, "made_at_once", setting="X")
        until_one_waits(state_server)
        faster.commit()
        slower.result().close()
    state_server.ask("drop schema made_at_once")


def test_an_answer_that_cannot_be_kept_as_it_is_is_kept_all_the_same(bench):
    class Odd(MemoryDestination):
        def deliver(self, batch, remember):
            return [RowResult("x", Outcome.REJECTED, code="A\0B", message="half \ud83d, \0 none")]

    bench.model({"x": ("1", 1.0)})
    assert go(bench, Odd()).rejected == 1
    (owed,) = history.owed("things", bench.settings)
    assert (owed["code"], owed["message"]) == ("AB", "half ?,  none")


def test_a_move_killed_in_the_middle_is_begun_anew_and_nothing_is_lost(bench, state_server):
    there, shared = MemoryDestination(refused={"y"}), bench.settings
    bench.settings = shared.model_copy(update={"sync_state_url": None})
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0)})
    sync = a_definition(name="product__in_app_banners")
    run(sync.name, bench.settings, bench.clock, definition=sync, destination=there)
    with open_state(shared, sync.name):  # the tables
        pass
    environment = {
        **os.environ,
        "HEADWATER_HOME": str(shared.home),
        "HEADWATER_SYNC_STATE_URL": shared.sync_state_url.get_secret_value(),
        "HEADWATER_SYNC_STATE_SCHEMA": shared.sync_state_schema,
    }
    move = [sys.executable, "-m", "orchestration.cli", "sync", "move", sync.name]
    with psycopg.connect(state_server.admin_url) as other:
        # Half of it is written when the move comes to the attempts, and waits for them.
        other.execute(f"lock table {shared.sync_state_schema}.attempts in share mode")
        mover = subprocess.Popen(move, env=environment)
        until_one_waits(state_server)
        mover.send_signal(signal.SIGKILL)
        assert mover.wait() == -signal.SIGKILL
    assert move_to_postgres(shared, sync.name, bench.clock.now()) == 1
    there.refused.clear()
    bench.settings = shared
    second = run(sync.name, shared, bench.clock, definition=sync, destination=there)
    assert (second.created, second.unchanged, there.writes) == (1, 1, 2)


def test_a_move_killed_before_its_last_step_is_refused_and_the_sync_goes_on(bench, monkeypatch):
    """All of it is durable in PostgreSQL, and the file has its old name still."""
    there, shared = MemoryDestination(), bench.settings
    bench.settings = shared.model_copy(update={"sync_state_url": None})
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0)})
    go(bench, there)

    def dies(*_):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr("pathlib.Path.rename", dies)
        move_to_postgres(shared, "things", bench.clock.now())
    bench.settings = shared
    with pytest.raises(GuardError, match=r"knows of runs of things already.*take it away"):
        move_to_postgres(shared, "things", bench.clock.now())
    second = go(bench, there)
    assert (second.status, second.unchanged, there.writes) == (RunStatus.CLEAN, 2, 2)
