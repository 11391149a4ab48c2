"""Runs a job of the graph in this process, and says in a few words how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import dagster as dg

from headwater.settings import Settings
from orchestration.failures import PARTIAL
from orchestration.instance import instance
from orchestration.jobs import CYCLE

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Ending(IntEnum):
    """How a cycle ended; the value is the exit code of the command."""

    CLEAN = 0
    FAILED = 1
    PARTIAL = 2  # every step did its work, but single rows were refused and wait for the next run


@dataclass(frozen=True)
class StepFailure:
    """A step that failed: why, and what to do."""

    step: str
    reason: str
    next_step: str
    partial: bool


@dataclass(frozen=True)
class Outcome:
    """How a run ended. ``held_back`` are the steps that did not start because of the failures."""

    run_id: str
    failures: tuple[StepFailure, ...]
    held_back: tuple[str, ...]

    @property
    def ending(self) -> Ending:
        """Clean, failed or partial."""
        if not self.failures:
            return Ending.CLEAN
        every = all(failure.partial for failure in self.failures)
        return Ending.PARTIAL if every and not self.held_back else Ending.FAILED


def run_cycle(settings: Settings, definitions: dg.Definitions, job: str = CYCLE) -> Outcome:
    """Run ``job`` here and now; the run is recorded in the instance that the UI shows.

    A step that fails holds back what depends on it and nothing else.
    """
    with instance(settings) as history:
        result = definitions.resolve_job_def(job).execute_in_process(
            instance=history, raise_on_error=False, run_config=QUIET
        )
        events = result.all_events
    failures = failures_of(result.success, events)
    ended = {
        event.step_key
        for event in events
        if event.event_type in (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE)
    }
    planned = [node.name for node in definitions.resolve_job_def(job).nodes]
    held_back = tuple(sorted(name for name in planned if name not in ended))
    return Outcome(result.run_id, failures, held_back)


def failures_of(success: bool, events: Sequence[dg.DagsterEvent]) -> tuple[StepFailure, ...]:
    """The failed steps of a run; where it failed before its first step, that."""
    failures = tuple(
        _failure(event) for event in events if event.event_type is dg.DagsterEventType.STEP_FAILURE
    )
    return failures if success or failures else (_run_failure(events),)


def _failure(event: dg.DagsterEvent) -> StepFailure:
    told = event.step_failure_data.user_failure_data
    step = event.step_key or "run"
    if told is None:
        error = event.step_failure_data.error
        return StepFailure(step, error.message.strip() if error else "unknown", "", False)
    advice = told.metadata.get("next_step")
    return StepFailure(
        step=step,
        reason=told.description or "",
        next_step=str(advice.value) if advice else "",
        partial=PARTIAL in told.metadata,
    )


def _run_failure(events: Sequence[dg.DagsterEvent]) -> StepFailure:
    """A run that failed before its first step: the resources could not be had."""
    for event in reversed(events):
        data = event.event_specific_data
        error = getattr(data, "error", None)
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return StepFailure("start", error.message.strip(), "", False)
    return StepFailure("start", "The run did not start.", "Look at it in the Dagster UI.", False)
