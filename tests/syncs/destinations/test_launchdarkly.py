"""LaunchDarkly: the segment of the paywall."""

from __future__ import annotations

from syncs.state import RunStatus


def test_the_paywall_segment_is_made_and_mirrors_the_audience(world):
    world.model("launchdarkly__paywall", *((str(n),) for n in range(1600)))
    first = world.run("launchdarkly__paywall")
    assert (first.status, first.created, first.least_calls) == (RunStatus.CLEAN, 1600, 2)
    world.model("launchdarkly__paywall", *((str(n),) for n in range(1, 1601)))
    second = world.run("launchdarkly__paywall")
    assert (second.created, second.removed, second.calls) == (1, 1, 2)
    segment = world.stored("launchdarkly", "segments")[0]
    held = {each["contextKind"]: each["values"] for each in segment["includedContexts"]}
    assert set(held["workspace"]) == {str(n) for n in range(1, 1601)}
