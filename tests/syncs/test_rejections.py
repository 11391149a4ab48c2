"""Rows and batches that a destination refuses."""

from __future__ import annotations

from datetime import timedelta

from headwater.warehouse import connect
from syncs.history import rows, status
from syncs.state import RunStatus, state_path
from tests.syncs.bench import go
from tests.syncs.memory_destination import MemoryDestination


def test_a_rejected_row_is_owed_until_it_is_accepted_without_anybody_asking(bench):
    there = MemoryDestination(refused={"y"})
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0)})
    first = go(bench, there)
    assert (first.status, first.created, first.rejected) == (RunStatus.PARTIAL, 1, 1)
    assert first.refusals[0].example_key == "y" and first.refusals[0].code == "INVALID"
    assert rows("things", bench.settings, "y")[0]["message"] == "refused"

    there.refused.clear()
    second = go(bench, there)
    assert (second.status, second.created) == (RunStatus.CLEAN, 1)
    assert there.state()["y"] == {"A": "2", "B": 2.0}


def test_a_refusal_is_no_longer_told_once_it_is_planned_anew(bench):
    there = MemoryDestination(refused={"y", "z"})
    bench.model({"y": ("2", 2.0), "z": ("3", 3.0)})
    go(bench, there)
    refused = rows("things", bench.settings, rejected=True)
    assert [row["key"] for row in refused] == ["y", "z"]
    there.refused = {"z"}
    second = go(bench, there)
    still = rows("things", bench.settings, rejected=True)
    assert [(row["key"], row["run_id"]) for row in still] == [("z", second.run_id)]
    bench.model({"y": ("2", 2.0)})
    go(bench, there)
    assert rows("things", bench.settings, rejected=True) == []
    told = status("things", bench.settings)
    assert [row["rejected"] for row in told] == [0, 1, 2], "the runs keep their figures"


def test_what_is_done_with_is_forgotten_after_a_quarter_but_not_what_is_open_or_was_sent(bench):
    there = MemoryDestination(refused={"z"}, size=1, faults=[None, "lost answer", *["down"] * 4])
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0), "z": ("3", 3.0)})
    first = go(bench, there)
    assert (first.created, first.owed) == (1, 2)
    bench.clock.at += timedelta(days=91)
    there.faults = ["down"] * 4  # y stays in doubt
    go(bench, there)
    kept = {(row["key"], row["state"]) for row in rows("things", bench.settings)}
    assert kept == {("y", "unknown"), ("z", "superseded"), ("z", "rejected")}
    bench.clock.at += timedelta(days=91)
    there.refused.clear()
    third = go(bench, there)
    assert (third.status, third.recovered, third.planned) == (RunStatus.CLEAN, 1, 1)
    assert {row["key"] for row in rows("things", bench.settings)} == {"y", "z"}
    assert set(there.state()) == {"x", "y", "z"} and there.writes == 3
    with connect(bench.settings, path=state_path(bench.settings, "things")) as connection:
        assert connection.execute("select count(*) from sent").fetchall() == [(3,)]
        assert connection.execute("select count(*) from attempts").fetchall()[0][0] < 6
    assert len(status("things", bench.settings)) == 3


def test_a_newer_value_supersedes_a_rejected_one(bench):
    there = MemoryDestination(refused={"y"})
    bench.model({"y": ("old", 2.0)})
    go(bench, there)
    there.refused.clear()
    bench.model({"y": ("new", 2.0)})
    go(bench, there)
    assert there.sent_fields == [("y", {"A": "new", "B": 2.0})]


def test_a_refused_batch_is_halved_until_the_bad_row_is_alone(bench):
    there = MemoryDestination(refused={"k13"}, refuse_whole_batch=True, size=32)
    bench.model({f"k{n:02d}": (str(n), 0.0) for n in range(32)})
    result = go(bench, there)
    assert (result.created, result.rejected) == (31, 1)
    assert result.calls <= 1 + 2 * 5
    assert set(there.state()) == {f"k{n:02d}" for n in range(32)} - {"k13"}


def test_a_batch_refused_for_a_cause_outside_its_rows_is_not_asked_about_row_by_row(bench):
    everything = {f"k{n:03d}": (str(n), 0.0) for n in range(128)}
    there = MemoryDestination(refused=set(everything), refuse_whole_batch=True, size=128)
    bench.model(everything)
    result = go(bench, there)
    assert (result.rejected, result.created) == (128, 0)
    assert result.calls < 32
