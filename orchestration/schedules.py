"""When cycles start. All cron strings are UTC; all start switched off unless
``HEADWATER_SCHEDULES_ON`` says otherwise, because a cycle writes to other people's systems."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

import dagster as dg

from headwater.clock import SystemClock
from headwater.settings import Settings
from orchestration.backfill import backfilled_by, is_alive
from orchestration.jobs import CYCLE, DAILY
from orchestration.lease import is_lease_free

EVERY_15_MINUTES = "*/15 * * * *"
DAILY_AT_THREE = "5 3 * * *"  # between two cycles, when few people work in either hemisphere's CRM
LEAD_TIME = timedelta(hours=1)
STARTING_TAKES = timedelta(minutes=2)
"""How long a run may be started without holding the lease yet: its process imports first."""

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_STARTED = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The 15-minute cycle, the daily checks, and the cycle before the marketing workflows."""
    return [
        _schedule(
            "every_15_minutes",
            CYCLE,
            EVERY_15_MINUTES,
            "One cycle every 15 minutes. Skips while a cycle runs.",
            settings,
            skips=True,
        ),
        _schedule(
            "every_day",
            DAILY,
            DAILY_AT_THREE,
            "A cycle with the checks of the day. Waits for a cycle that still runs.",
            settings,
        ),
        _schedule(
            "before_marketing",
            CYCLE,
            before_marketing_cron(settings.marketing_workflows_start, settings),
            "Ends an hour before the marketing workflows start at "
            f"{settings.marketing_workflows_start:%H:%M} UTC. Waits for a cycle that still runs.",
            settings,
        ),
    ]


def before_marketing_cron(start: time, settings: Settings) -> str:
    """The cron string of a cycle that ends an hour before ``start`` if it keeps to its budget of
    ``HEADWATER_CYCLE_BUDGET_MINUTES``."""
    budget = timedelta(minutes=settings.cycle_budget_minutes)
    at = datetime.combine(datetime(2000, 1, 2, tzinfo=UTC).date(), start) - LEAD_TIME - budget
    return f"{at.minute} {at.hour} * * *"


def unfinished_cycles(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """Runs of either job that have not ended."""
    return [
        run
        for job in (CYCLE, DAILY)
        for run in instance.get_runs(dg.RunsFilter(job_name=job, statuses=_UNFINISHED))
    ]


def bury_the_dead(instance: dg.DagsterInstance, settings: Settings, now: datetime) -> list[str]:
    """Mark runs as failed whose process is gone, and return their ids.

    A killed process (kill -9, out of memory, a reboot) leaves its run as started for ever, and it
    would keep every later one waiting. A run that works holds a lock, a backfill that of its stream
    and any other run the cycle's lease, and the operating system takes that from a process that
    ends: a free lock means that no started run of its kind is alive.
    """
    started = dg.RunsFilter(statuses=_STARTED, updated_before=now - STARTING_TAKES)
    dead = [
        record.dagster_run
        for record in instance.get_run_records(started)
        if not _is_at_work(record.dagster_run, settings)
    ]
    for run in dead:
        instance.report_run_failed(run, "The process of this run ended without a word (killed?).")
    return [run.run_id for run in dead]


def _is_at_work(run: dg.DagsterRun, settings: Settings) -> bool:
    stream = backfilled_by(run)
    return is_alive(stream, settings) if stream else not is_lease_free(settings)


def _schedule(
    name: str, job: str, cron: str, description: str, settings: Settings, *, skips: bool = False
) -> dg.ScheduleDefinition:
    def start_or_skip(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        dead = bury_the_dead(context.instance, settings, SystemClock().now())
        if dead:
            context.log.warning(f"Marked as failed, their processes are gone: {', '.join(dead)}")
        running = unfinished_cycles(context.instance) if skips else ()
        if running:
            which = ", ".join(f"{run.job_name} {run.run_id}" for run in running)
            return dg.SkipReason(f"Not started: {which} has not ended yet.")
        return dg.RunRequest()

    return dg.ScheduleDefinition(
        name=name,
        job_name=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        description=description,
        default_status=(
            dg.DefaultScheduleStatus.RUNNING
            if settings.schedules_on
            else dg.DefaultScheduleStatus.STOPPED
        ),
        execution_fn=start_or_skip,
    )
