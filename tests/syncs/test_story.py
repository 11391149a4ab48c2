"""Any story of models, refusals, lost answers and kills ends as the last model says.

Twenty-five stories here, new ones each time; for more: ``STORIES=500 python -m pytest ...``.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.settings import Settings
from syncs.quarantine import WAIT_HOURS
from syncs.state import RunStatus
from tests.syncs.bench import Bench, QuietClock, go
from tests.syncs.memory_destination import Killed, MemoryDestination

STORIES = int(os.environ.get("STORIES", "25"))
KEYS = st.sampled_from("abcdef")
MODELS = st.dictionaries(
    KEYS, st.tuples(st.sampled_from([None, "", "1", "2"]), st.sampled_from([None, 0.5, 1e21]))
)
FAULTS = st.lists(
    st.sampled_from([None, None, "lost answer", "no connection", "killed before", "killed after"]),
    max_size=6,
)


@settings(max_examples=STORIES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(MODELS, st.sets(KEYS), FAULTS), min_size=1, max_size=5))
def test_whatever_happens_the_destination_ends_as_the_model_says(tmp_path_factory, story):
    """Models, refusals, lost answers and kills in any order; then a quiet run."""
    bench = Bench(
        Settings(home=tmp_path_factory.mktemp("story")),
        QuietClock(datetime(2025, 8, 29, tzinfo=UTC)),
    )
    there = MemoryDestination(size=2)
    for model, refused, faults in story:
        bench.model(model)
        there.refused, there.faults = set(refused), list(faults)
        try:
            result = go(bench, there)
        except Killed:
            continue
        delivered = result.created + result.updated + result.removed
        assert result.planned == delivered + result.rejected + result.owed
        if result.status is RunStatus.CLEAN:
            assert there.state() == as_said(model)
    there.refused, there.faults = set(), []
    bench.clock.at += timedelta(hours=max(WAIT_HOURS))  # what was refused too often has waited
    last = story[-1][0]
    final = go(bench, there)
    assert final.status is RunStatus.CLEAN
    assert there.state() == as_said(last)
    assert go(bench, there).calls == 0


def as_said(model):
    return {key: {"A": a, "B": b} for key, (a, b) in model.items()}
