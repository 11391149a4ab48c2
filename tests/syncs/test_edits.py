"""Fields that people changed since we wrote them: kept, reported or overwritten."""

from __future__ import annotations

import pytest

from syncs import history
from syncs.look_before import same
from syncs.state import RunStatus
from tests.syncs.bench import a_definition, go
from tests.syncs.memory_destination import MemoryDestination


def watching(edits):
    return a_definition(
        mode="upsert",
        removal={"action": "ignore"},
        fields=[{"column": "a", "field": "A", "edits": edits}, {"column": "b", "field": "B"}],
    )


@pytest.mark.parametrize("written", ["1", None])
@pytest.mark.parametrize("edits", ["keep", "report", "overwrite"])
def test_a_persons_edit_is_kept_reported_or_overwritten_as_the_definition_says(
    bench, edits, written
):
    there, sync = MemoryDestination(), watching(edits)
    bench.model({"x": (written, 1.0), "y": (written, 1.0)})
    go(bench, there, sync)
    there.records[0]["fields"]["A"] = "human"
    bench.model({"x": ("2", 2.0), "y": ("2", 2.0)})
    assert go(bench, there, sync).status is RunStatus.CLEAN
    kept = edits == "keep"
    assert there.state() == {"x": {"A": "human" if kept else "2", "B": 2.0},
                             "y": {"A": "2", "B": 2.0}}  # fmt: skip
    told = history.edits("things", bench.settings)
    assert [(edit["key"], edit["field"], edit["found"], edit["kept"]) for edit in told] == (
        [] if edits == "overwrite" else [("x", "A", '"human"', kept)])  # fmt: skip

    assert go(bench, there, sync).planned == 0, "nothing changed: nobody is asked again"
    bench.model({"x": ("3", 2.0), "y": ("3", 2.0)})
    there.sent_fields.clear()
    go(bench, there, sync)
    assert there.state()["x"]["A"] == ("human" if kept else "3"), "theirs until they give it back"
    if kept:
        assert there.sent_fields == [("y", {"A": "3"})], "nothing left to send of x"
        there.records[0]["fields"]["A"] = written
        bench.model({"x": ("4", 2.0), "y": ("3", 2.0)})
        go(bench, there, sync)
        assert there.state()["x"]["A"] == "4"


@pytest.mark.parametrize(
    ("one", "other"),
    [(None, ""), (True, "true"), (1.5, "1.50"), (3, "3"),
     ("2025-08-29T10:00:00.000000Z", "2025-08-29T10:00:00.000+0000")],
)  # fmt: skip
def test_a_value_shown_in_the_destinations_own_way_is_no_edit(one, other):
    assert same(one, other)
    assert not same(one, "something else")
    assert not same("1", True)
