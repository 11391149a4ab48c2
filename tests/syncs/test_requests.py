"""A part of the plan: what was put under seal, a sample, a canary."""

from __future__ import annotations

import pytest

from headwater.errors import GuardError
from syncs.definition import Canary
from syncs.history import status
from syncs.kept_files import keep
from syncs.plan import plan
from syncs.request import Request
from syncs.run import run
from syncs.sealed_plan import unseal
from syncs.state import RunStatus
from tests.state_places import in_both_places
from tests.syncs.bench import SYNC, a_definition, go
from tests.syncs.memory_destination import MemoryDestination


def asked(bench, there, request, definition=SYNC):
    return run("things", bench.settings, bench.clock, "c1", request=request,
               definition=definition, destination=there)  # fmt: skip


def sealed(bench, there):
    found = plan("things", bench.settings, definition=SYNC, destination=there, sealed=True)
    return unseal(bench.settings, found.plan_id)


@in_both_places
def test_a_sealed_plan_sends_what_is_still_as_it_was_seen_and_nothing_else(bench):
    there = MemoryDestination()
    bench.model({"same": ("1", 1.0), "drifts": ("1", 1.0), "goes": ("1", 1.0)})
    go(bench, there)
    bench.model({"same": ("2", 1.0), "drifts": ("2", 1.0), "new": ("1", 1.0)})
    seen = sealed(bench, there)
    assert seen.rows == 4
    bench.model({"same": ("2", 1.0), "drifts": ("3", 1.0), "newer": ("1", 1.0), "goes": ("1", 1.0)})
    there.sent_fields.clear()
    applied = asked(bench, there, Request(sealed=seen))
    assert there.sent_fields == [("same", {"A": "2"})]
    assert (applied.status, applied.updated, applied.drifted, applied.left_out) == (
        RunStatus.PARTIAL, 1, 3, 2)  # fmt: skip
    assert status("things", bench.settings)[0]["request"] == f"applies {seen.plan_id}"
    again = asked(bench, there, Request(sealed=seen))
    assert (again.planned, again.drifted) == (0, 4), "what was applied is not applied twice"
    assert go(bench, there).planned == 2


@in_both_places
def test_a_plan_whose_seal_is_broken_or_whose_definition_changed_is_refused(bench):
    there = MemoryDestination()
    bench.model({"x": ("1", 1.0)})
    seen = sealed(bench, there)
    other = a_definition(fields=[{"column": "a", "field": "A"}])
    refused = asked(bench, there, Request(sealed=seen), other)
    assert (refused.status, there.calls) == (RunStatus.BLOCKED, 0)
    seen.file.write_bytes(seen.file.read_bytes() + b"x")
    keep(seen.file, bench.settings)  # changed wherever it is kept
    with pytest.raises(GuardError, match="not those that were sealed"):
        unseal(bench.settings, seen.plan_id)
    with pytest.raises(GuardError, match="no sealed plan"):
        unseal(bench.settings, "things-1")


@in_both_places
def test_a_sample_sends_so_many_rows_and_the_next_run_the_others(bench):
    there = MemoryDestination(size=2)
    bench.model({f"k{n}": (str(n), 1.0) for n in range(7)})
    trial = asked(bench, there, Request(sample=3))
    assert (trial.status, trial.created, trial.left_out) == (RunStatus.CLEAN, 3, 4)
    assert go(bench, there).created == 4
    assert len(there.state()) == 7


@pytest.mark.parametrize(("bad", "status", "created"), [(1, RunStatus.PARTIAL, 39),
                                                        (2, RunStatus.BLOCKED, 8)])  # fmt: skip
def test_a_canary_stops_the_run_when_too_many_of_the_first_rows_are_refused(
    bench, bad, status, created
):
    rows = {f"k{n:02d}": (str(n), 1.0) for n in range(40)}
    there = MemoryDestination(size=4, refused=set(list(rows)[:bad]))
    bench.model(rows)
    result = asked(bench, there, Request(canary=Canary(share=0.25, max_rejected_share=0.1)))
    assert (result.status, result.created, result.rejected) == (status, created, bad)
    assert result.planned == result.created + result.rejected + result.owed == 40
    there.refused.clear()
    assert go(bench, there).status is RunStatus.CLEAN
    assert len(there.state()) == 40
