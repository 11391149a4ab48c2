"""What stops a run before the first call."""

from __future__ import annotations

import pytest

from headwater.errors import DefinitionError
from syncs.history import status
from syncs.plan import plan
from syncs.request import Request
from syncs.run import run
from syncs.state import RunStatus
from tests.syncs.bench import a_definition, go
from tests.syncs.memory_destination import MemoryDestination


@pytest.mark.parametrize(
    ("guards", "model", "said"),
    [
        ({"max_removed_share": 0.5, "removed_share_from": 2}, {"k0": ("1", 1.0)}, "remove 3 of 4"),
        ({"min_rows": 2}, {"k0": ("1", 1.0)}, "min_rows is 2"),
        ({}, {}, "the model is empty"),
        ({"max_created": 1, "max_removed_share": 1.0},
         {f"k{n}": ("1", 1.0) for n in range(9)}, "create 5 records"),
        ({"max_rows": 1, "max_removed_share": 1.0},
         {f"k{n}": ("2", 1.0) for n in range(4)}, "send 4 rows"),
        ({"changed_share_from": 4},
         {"k0": ("2", 1.0), "k1": ("2", 1.0), "k2": ("2", 1.0), "k3": ("1", 1.0)},
         "change 3 of 4 keys (75%)"),
        ({"growth_from": 4},
         {f"k{n}": ("1", 1.0) for n in range(13)}, "13 rows and had 4 (3.2 times as many)"),
    ],
)  # fmt: skip
def test_a_guard_blocks_the_run_before_the_first_call(bench, guards, model, said):
    there = MemoryDestination(size=10)
    bench.model({f"k{n}": ("1", 1.0) for n in range(4)})
    go(bench, there)
    guarded = a_definition(guards=guards)
    bench.model(model)
    result = go(bench, there, guarded)
    assert result.status is RunStatus.BLOCKED
    assert said in str(result.error)
    assert there.calls == 1
    assert said in str(
        plan("things", bench.settings, definition=guarded, destination=there).blocked
    )


def test_a_key_that_is_not_unique_is_named_and_nothing_is_sent(bench):
    there = MemoryDestination()
    bench.model([("x", "1", 1.0), ("x", "2", 1.0), (None, "3", 1.0), ("y", "1", 1.0)])
    result = go(bench, there)
    assert result.status is RunStatus.BLOCKED
    assert "null (1 rows), x (2 rows)" in str(result.error)
    assert there.calls == 0


def test_a_column_the_model_does_not_have_is_named(bench):
    bench.model({"x": ("1", 1.0)})
    wrong = a_definition(fields=[{"column": "nope", "field": "A"}])
    with pytest.raises(DefinitionError, match="has no column nope"):
        plan("things", bench.settings, definition=wrong)


def test_a_person_overrules_a_guard_by_name_for_one_run(bench):
    there = MemoryDestination(size=10)
    bench.model({f"k{n}": ("1", 1.0) for n in range(4)})
    go(bench, there)
    guarded = a_definition(guards={"removed_share_from": 1, "max_rows": 1})
    bench.model({"k0": ("1", 1.0)})

    def accepting(*names):
        return run("things", bench.settings, bench.clock, "c1", request=Request(frozenset(names)),
                   definition=guarded, destination=there)  # fmt: skip

    assert "max_rows" in str(accepting("max_removed_share").error)
    assert "there is no guard max_row." in str(accepting("max_row", "max_removed_share").error)
    result = accepting("max_removed_share", "max_rows")
    assert (result.status, result.removed) == (RunStatus.CLEAN, 3)
    told = status("things", bench.settings)
    assert told[0]["request"] == "accepts max_removed_share, max_rows"
    bench.model({})
    assert accepting().status is RunStatus.BLOCKED, "for one run only"
