"""Runners that share no disk: the state is in PostgreSQL, and each has a home of his own."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event

import duckdb
import pytest
from pydantic import SecretStr

from headwater.accounts import claim_shared
from headwater.errors import (
    CredentialError,
    QuotaExhaustedError,
    SettingsError,
    StateUnavailableError,
)
from headwater.postgres import PostgresDatabase
from headwater.shared_state import close_sessions, shared_state
from syncs import history
from syncs.audit import bring_audit
from syncs.moving import move_to_postgres
from syncs.pause import pause, resume
from syncs.plan import plan
from syncs.request import Request
from syncs.run import purge, run
from syncs.sealed_plan import unseal
from syncs.state import RunStatus, holder, open_state
from tests.syncs.bench import SYNC, a_definition, go
from tests.syncs.memory_destination import MemoryDestination

pytestmark = pytest.mark.parametrize("state_place", ["postgresql"], indirect=True)


def elsewhere(bench, tmp_path):
    """Another runner: a home of his own, the same PostgreSQL."""
    return replace(bench, settings=bench.settings.model_copy(update={"home": tmp_path / "other"}))


def sessions(state_server, bench, doing="%"):
    """The backends that hold the lease of some sync."""
    return [pid for (pid,) in state_server.ask(
        "select distinct pid from pg_locks where locktype = 'advisory' and granted "
        "and pid <> pg_backend_pid()")]  # fmt: skip


def test_another_runner_goes_on_where_the_first_ended(bench, tmp_path):
    there, other = MemoryDestination(refused={"y"}), elsewhere(bench, tmp_path)
    model = {"x": ("1", 1.0), "y": ("2", 2.0), "z": ("", None)}
    for each in (bench, other):
        each.model(model)
    assert (go(bench, there).created, bench.settings.sync_state / "things.duckdb") == (
        2, bench.settings.home / "syncs" / "things.duckdb")  # fmt: skip
    assert not (bench.settings.sync_state / "things.duckdb").exists()
    there.refused.clear()
    second = go(other, there)
    assert (second.status, second.created, second.unchanged) == (RunStatus.CLEAN, 1, 2)
    assert there.writes == 3 and there.state()["z"] == {"A": "", "B": None}
    assert len(history.status("things", bench.settings)) == 2


def test_runners_share_budgets_and_pauses(bench, tmp_path):
    bench.settings = bench.settings.model_copy(update={"daily_deliveries": {"memory.rows": 10}})
    runners = [bench, elsewhere(bench, tmp_path)]
    there = [MemoryDestination(size=2) for _ in runners]

    def one(number):
        name = f"things{number}"
        return run(name, runners[number].settings, bench.clock, "c1",
                   definition=a_definition(name=name), destination=there[number])  # fmt: skip

    for each in runners:
        each.model({f"k{n}": (str(n), 1.0) for n in range(8)})
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(one, range(2)))
    assert sum(item.writes for item in there) == 10
    assert any(isinstance(result.error, QuotaExhaustedError) for result in results)
    pause(bench.settings, "things1", "wrong colours", bench.clock.now())
    stopped = one(1)
    assert stopped.status is RunStatus.PAUSED and "wrong colours" in str(stopped.error)
    assert resume(runners[1].settings, "things1")
    bench.clock.at += timedelta(days=1)
    assert [one(number).owed for number in range(2)] == [0, 0]


def test_a_killed_runner_leaves_no_lease_and_what_he_sent_is_not_sent_again(bench, tmp_path):
    """Killed with one batch acknowledged and another one in flight."""
    there, other = MemoryDestination(size=2), elsewhere(bench, tmp_path)
    for each in (bench, other):
        each.model({f"k{n}": (str(n), 1.0) for n in range(5)})
    reading, writing = os.pipe()

    class Dying(MemoryDestination):
        def deliver(self, batch, remember):
            if self.calls == 1:
                told = holder(bench.settings, "things")
                os.write(writing, f"{told.process if told else 0}".encode())
                os.kill(os.getpid(), signal.SIGKILL)
            return super().deliver(batch, remember)

    close_sessions()
    child = os.fork()
    if not child:
        try:
            go(bench, Dying(size=2))
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert os.read(reading, 20) == str(child).encode(), "the lease said who ran it"
    there.records = [
        {"key": change, "id": change, "fields": {"A": change[1:], "B": 1.0},
         "token_fields": None} for change in ("k0", "k1")
    ]  # fmt: skip
    second = go(other, there)
    assert (second.status, second.planned, second.recovered) == (RunStatus.CLEAN, 3, 2)
    assert len(there.state()) == 5 and there.writes == 3
    assert [row["reason"] for row in history.status("things", bench.settings)] == [
        None, "The process died."]  # fmt: skip


def test_a_runner_who_lost_his_session_writes_nothing_more_and_another_takes_over(
    bench, tmp_path, state_server
):
    other, others = elsewhere(bench, tmp_path), MemoryDestination(size=10)
    there = MemoryDestination(size=2)
    cut, over = Event(), Event()

    class Cut(MemoryDestination):
        def deliver(self, batch, remember):
            answers = super().deliver(batch, remember)
            if self.calls == 2:
                for pid in sessions(state_server, bench):
                    state_server.ask(f"select pg_terminate_backend({pid})")
                cut.set()
                over.wait(20)
            return answers

    there = Cut(size=2)
    for each in (bench, other):
        each.model({f"k{n}": (str(n), 1.0) for n in range(8)})
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(go, bench, there)
        cut.wait(20)
        others.records = there.records  # one destination for both
        assert go(other, others).status is RunStatus.CLEAN
        over.set()
        lost = first.result()
    assert lost.status is RunStatus.FAILED and isinstance(lost.error, StateUnavailableError)
    assert (there.writes, others.writes) == (4, 4) and len(others.state()) == 8
    with open_state(bench.settings, "things") as state:
        assert state.rows("select count(*) from sent") == [(8,)]


def test_two_runners_at_once_never_send_twice(bench, tmp_path):
    hasty, began = elsewhere(bench, tmp_path), Event()

    class Slow(MemoryDestination):
        def deliver(self, batch, remember):
            began.set()
            busy.append(go(hasty, self) if self.calls == 0 else None)
            return super().deliver(batch, remember)

    there, busy = Slow(size=4), []
    for each in (bench, hasty):
        each.model({f"k{n}": (str(n), 1.0) for n in range(8)})
    assert go(bench, there).created == 8
    assert busy[0].status is RunStatus.BUSY and f"process {os.getpid()}" in str(busy[0].error)
    assert there.writes == 8 and holder(bench.settings, "things") is None


def test_the_audit_and_sealed_plans_follow_to_another_home(bench, tmp_path):
    there, other = MemoryDestination(), elsewhere(bench, tmp_path)
    for each in (bench, other):
        each.model({"x": ("1", 1.0), "y": ("2", 1.0)})
    found = plan("things", bench.settings, definition=SYNC, destination=there, sealed=True)
    request = Request(sealed=unseal(other.settings, str(found.plan_id)))
    assert run("things", other.settings, bench.clock, "c", definition=SYNC, destination=there,
               request=request).created == 2  # fmt: skip
    bring_audit(bench.settings)
    lines = f"from '{bench.settings.sync_audit}/things/*.parquet' select key, field order by all"
    wanted = [(key, field) for key in ("x", "y") for field in ("A", "B")]
    assert duckdb.sql(lines).fetchall() == wanted
    assert purge("things", other.settings, bench.clock, "x") == 2
    bring_audit(bench.settings)
    assert duckdb.sql(lines).fetchall() == wanted[2:], "a purge reaches the copies"


def test_homes_that_share_the_state_write_to_one_account(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "pat-1")
    for name, value in {"DOMAIN": "one.my", "CLIENT_ID": "i", "CLIENT_SECRET": "s"}.items():
        monkeypatch.setenv(f"SALESFORCE_{name}", value)
    claim_shared("salesforce", bench.settings)
    monkeypatch.setenv("SALESFORCE_DOMAIN", "two.my")
    with pytest.raises(SettingsError, match=r"one\.my.*two\.my"):
        claim_shared("salesforce", elsewhere(bench, tmp_path).settings)


def test_what_a_file_remembers_is_not_sent_again_because_the_setting_is_new(bench):
    there, shared = MemoryDestination(), bench.settings
    bench.model({"x": ("1", 1.0)})
    bench.settings = shared.model_copy(update={"sync_state_url": None})
    assert go(bench, there).created == 1
    bench.settings = shared
    refused = go(bench, there)
    assert (refused.status, there.writes) == (RunStatus.FAILED, 1)
    assert "things.duckdb remembers what things sent" in str(refused.error)


def test_what_a_file_remembers_can_be_moved(bench):
    there, shared = MemoryDestination(refused={"y"}), bench.settings
    bench.settings = shared.model_copy(update={"sync_state_url": None})
    bench.model({"x": ("1", 1.0), "y": ("2", None), "z": ("", 0.5)})
    go(bench, there)
    there.refused.clear()
    before = [call("things", bench.settings) for call in (history.status, history.rows,
                                                          history.owed)]  # fmt: skip
    bench.settings = shared
    assert move_to_postgres(shared, "things", bench.clock.now()) == 2
    after = [call("things", shared) for call in (history.status, history.rows, history.owed)]
    assert after == before
    second = go(bench, there)
    assert (second.status, second.created, second.unchanged) == (RunStatus.CLEAN, 1, 2)
    assert (second.adopted, there.writes) == (0, 3), "the md5 of a row is the same in both places"
    assert move_to_postgres(shared, "things", bench.clock.now()) == 0


def test_a_pause_moves_with_the_sync(bench):
    """Moved once: resumed there, it goes on whatever is moved again."""
    shared, now = bench.settings, bench.clock.now()
    local = shared.model_copy(update={"sync_state_url": None})
    bench.model({"x": ("1", 1.0)})
    pause(local, "things", "wrong colours", now)
    assert move_to_postgres(shared, "things", now) == 0, "it never ran"
    there = MemoryDestination()
    stopped = go(bench, there)
    assert (stopped.status, there.calls) == (RunStatus.PAUSED, 0)
    assert f"since {now.isoformat(timespec='seconds')}: wrong colours" in str(stopped.error)
    assert resume(shared, "things")
    move_to_postgres(shared, "things", now)
    assert go(bench, there).status is RunStatus.CLEAN


def test_a_move_that_died_at_the_audit_is_begun_anew(bench, tmp_path, monkeypatch):
    shared, now = bench.settings, bench.clock.now()
    bench.settings = shared.model_copy(update={"sync_state_url": None})
    bench.model({"x": ("1", 1.0)})
    go(bench, MemoryDestination())

    def dies(file, settings):
        raise StateUnavailableError("gone", next_step="")

    with monkeypatch.context() as patched, pytest.raises(StateUnavailableError):
        patched.setattr("syncs.moving.keep", dies)
        move_to_postgres(shared, "things", now)
    assert move_to_postgres(shared, "things", now) == 1
    other = shared.model_copy(update={"home": tmp_path / "other"})
    bring_audit(other)
    assert len(list((other.sync_audit / "things").glob("*.parquet"))) == 1


def test_a_text_is_kept_as_it_is_whatever_the_environment_says(bench, monkeypatch):
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    bench.model({"Zo\u00eb": ("\u0141\u00f3d\u017a", 1.0)})
    there = MemoryDestination()
    assert go(bench, there).created == 1
    assert go(bench, there).unchanged == 1
    with open_state(bench.settings, "things") as state:
        assert state.rows("select key from sent") == [("Zo\u00eb",)]


def test_a_machine_that_vanished_is_noticed_also_with_an_answer_on_its_way(bench):
    with open_state(bench.settings, "things") as state:
        asked = "select setting from pg_settings where name = 'tcp_user_timeout'"
        assert state.rows(asked) == [("30000",)]


def test_tables_of_a_newer_program_are_left_alone(bench):
    bench.model({"x": ("1", 1.0)})
    there = MemoryDestination()
    assert go(bench, there).created == 1
    with shared_state(bench.settings) as state:
        state.change("update schema_versions set version = 99 where part = 'syncs'")
    refused = go(bench, there)
    assert (refused.status, there.calls) == (RunStatus.FAILED, 1)
    assert "version 99, and this program knows" in str(refused.error)


def test_what_is_wrong_with_the_url_is_said_without_it(bench, state_server):
    secret = bench.settings.sync_state_url.get_secret_value()
    password = secret.split(":")[2].split("@")[0]
    assert password not in repr(bench.settings)
    wrong = {
        secret.replace(password, f"x{password}"): StateUnavailableError,
        secret.replace("@", "%zz@"): SettingsError,
        secret.replace("127.0.0.1:", "127.0.0.1:1"): StateUnavailableError,
    }
    for url, error in wrong.items():
        with pytest.raises(error) as told:
            PostgresDatabase(SecretStr(url), "headwater", setting="HEADWATER_SYNC_STATE_URL")
        assert password not in str(told.value) and "HEADWATER_SYNC_STATE_URL" in str(told.value)
    with pytest.raises(CredentialError, match="create schema nobodys authorization"):
        PostgresDatabase(SecretStr(secret), "nobodys", setting="HEADWATER_SYNC_STATE_URL")
