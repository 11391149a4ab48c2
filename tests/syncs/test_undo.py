"""An undo gives back exactly what a run changed, and nothing that anybody changed since."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncs.request import Request
from syncs.run import run
from syncs.state import RunStatus
from tests.state_places import in_both_places
from tests.syncs.bench import SYNC, a_definition, go
from tests.syncs.memory_destination import MemoryDestination


def undo(bench, there, run_id, definition=SYNC):
    return run("things", bench.settings, bench.clock, "c1", request=Request(undo=run_id),
               definition=definition, destination=there)  # fmt: skip


@in_both_places
def test_updates_creates_and_removals_are_given_back(bench):
    there = MemoryDestination()
    bench.model({"x": ("1", 1.0), "y": ("1", 1.0), "z": (None, 1.0)})
    go(bench, there)
    before = there.state()
    before = {key: dict(fields) for key, fields in before.items()}
    bench.model({"x": ("2", 1.0), "w": ("1", 1.0), "z": ("1", None)})
    changed = go(bench, there)
    assert (changed.created, changed.updated, changed.removed) == (1, 2, 1)
    back = undo(bench, there, changed.run_id)
    assert (back.status, back.created, back.updated, back.removed) == (RunStatus.CLEAN, 1, 2, 1)
    assert there.state() == before
    assert back.left_alone == ()
    assert undo(bench, there, changed.run_id).planned == 0, "given back once"
    again = go(bench, there)
    assert (again.created, again.updated, again.removed) == (1, 2, 1), "the model still says so"


@in_both_places
def test_what_a_person_or_a_later_run_changed_since_is_left_alone(bench):
    there = MemoryDestination()
    bench.model(dict.fromkeys("pqr", ("1", 1.0)))
    go(bench, there)
    bench.model(dict.fromkeys("pqrs", ("2", 2.0)))
    first = go(bench, there)
    bench.model({"p": ("2", 2.0), "q": ("2", 2.0), "r": ("3", 2.0), "s": ("2", 2.0)})
    go(bench, there)
    there.records[0]["fields"]["A"] = "human"
    there.records[3]["fields"]["B"] = 7.0
    back = undo(bench, there, first.run_id)
    assert there.state() == {
        "p": {"A": "human", "B": 1.0},
        "q": {"A": "1", "B": 1.0},
        "r": {"A": "3", "B": 2.0},
        "s": {"A": "2", "B": 7.0},
    }
    assert {(item.key, item.field, item.reason) for item in back.left_alone} == {
        ("r", "", "a later run changed it"),
        ("p", "A", "somebody changed it since"),
        ("s", "B", "somebody changed it since"),
    }


def test_what_cannot_be_given_back_is_said(bench):
    sync = a_definition(mode="upsert", removal={"action": "ignore"})
    there = MemoryDestination()
    bench.model({"x": ("1", 1.0)})
    first = go(bench, there, sync)
    back = undo(bench, there, first.run_id, sync)
    assert (back.planned, [item.reason for item in back.left_alone]) == (
        0, ["it was created, and removal is ignore"])  # fmt: skip
    assert undo(bench, there, "nonsense", sync).status is RunStatus.BLOCKED


MODELS = st.dictionaries(
    st.sampled_from("abcde"), st.tuples(st.sampled_from([None, "", "1", "2"]), st.just(0.5))
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=MODELS, second=MODELS)
def test_whatever_a_run_changed_is_as_before_after_its_undo(tmp_path_factory, bench, first, second):
    bench.settings = bench.settings.model_copy(update={"home": tmp_path_factory.mktemp("undo")})
    there = MemoryDestination(size=2)
    bench.model(first)
    go(bench, there)
    before = {key: dict(fields) for key, fields in there.state().items()}
    bench.model(second)
    changed = go(bench, there)
    undo(bench, there, changed.run_id)
    assert there.state() == before
