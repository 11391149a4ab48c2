"""What stops a run before the first call."""

from __future__ import annotations

import pytest

from headwater.errors import DefinitionError
from syncs.plan import plan
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
