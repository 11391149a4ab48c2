"""What happens when a cycle fails: a message that says what failed and what it held back."""

from collections.abc import Sequence

import dagster as dg

from orchestration.jobs import CYCLE, DAILY


@dg.run_failure_sensor(
    name="cycle_failed",
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Logs which steps of a cycle failed, why, and what to do.",
)
def cycle_failed(context: dg.RunFailureSensorContext) -> None:
    """Log one message per failed cycle; route the daemon's log to where people look."""
    if context.dagster_run.job_name not in {CYCLE, DAILY}:
        return
    context.log.error(
        failure_message(
            context.dagster_run,
            context.get_step_failure_events(),
            context.failure_event.message or "",
        )
    )


def failure_message(run: dg.DagsterRun, failures: Sequence[dg.DagsterEvent], why: str) -> str:
    """Run, failed steps with their reasons, and the next step where one is known."""
    lines = [f"{run.job_name} {run.run_id} failed. {why if not failures else ''}".strip()]
    for event in failures:
        data = event.step_failure_data.user_failure_data
        reason = (data.description if data else None) or _last_line(event)
        lines.append(f"- {event.step_key}: {reason}")
        if data and "next_step" in data.metadata:
            lines.append(f"  Next: {data.metadata['next_step'].value}")
    return "\n".join(lines)


def _last_line(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    return error.message.strip().splitlines()[-1] if error else "no reason recorded"
