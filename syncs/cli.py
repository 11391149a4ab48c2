"""``headwater sync``: what people do with syncs.

Exit codes: 0 clean, 2 partial (rows rejected or owed) or paused, 1 failed, blocked or busy.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from headwater.clock import Clock, clock_from
from headwater.recording import recorded
from headwater.settings import Settings, load
from syncs import history, report
from syncs.definition import Canary
from syncs.moving import move_to_postgres
from syncs.pause import pause, paused, resume
from syncs.plan import plan
from syncs.registry import definition, enabled
from syncs.request import Request
from syncs.run import RunResult, purge, release, run
from syncs.sealed_plan import unseal
from syncs.state import RunStatus, holder

app = typer.Typer(
    help="Deliver the warehouse's results to the tools people work in.", no_args_is_help=True
)
Names = Annotated[
    list[str] | None, typer.Argument(help="Names of syncs; all of them if none is given.")
]
Accept = Annotated[
    list[str] | None, typer.Option(help="A guard to overrule for this run; may be repeated.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@app.command("plan")
def plan_command(
    names: Names = None,
    seal: Annotated[bool, typer.Option("--seal", help="Keep it, to be applied as seen.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a run would do now. Nobody is called; nothing is written but a sealed plan."""
    settings = load(Settings)
    plans = [plan(name, settings, sealed=seal) for name in _chosen(names, settings)]
    if as_json:
        _print([report.as_dict(item) for item in plans])
    else:
        console = report.console()
        console.print(report.plans_table(plans))
        for item in plans:
            if item.sample and names:
                console.print()
                console.print(report.sample_table(item))
    if any(item.blocked for item in plans):
        raise typer.Exit(1)


@app.command("run")
def run_command(
    names: Names = None,
    *,
    accept: Accept = None,
    sample: Annotated[int | None, typer.Option(min=1, help="Send only so many rows.")] = None,
    canary: Annotated[
        float | None,
        typer.Option(help="Send this share (0.05) first; go on only if it was taken."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Deliver, in order of dependency; a sync that fails does not stop the others."""
    settings = load(Settings)
    first = Canary(share=canary) if canary is not None else None
    request = Request(frozenset(accept or ()), sample=sample, canary=first)
    _deliver(_chosen(names, settings), settings, request, as_json=as_json)


@app.command("apply")
def apply_command(
    plan_id: Annotated[str, typer.Argument(help="What `plan --seal` said.")],
    *,
    accept: Accept = None,
    as_json: AsJson = False,
) -> None:
    """Send a sealed plan: the rows that are still just as they were seen, and no others."""
    settings = load(Settings)
    sealed = unseal(settings, plan_id)
    request = Request(frozenset(accept or ()), sealed=sealed)
    _deliver([definition(sealed.sync).name], settings, request, as_json=as_json)


@app.command("undo")
def undo_command(
    name: Annotated[str, typer.Argument(help="Name of the sync.")],
    run_id: Annotated[str, typer.Argument(help="The run, as `status --json` names it.")],
    as_json: AsJson = False,
) -> None:
    """Give back what a run changed and nobody changed since; the sync is paused afterwards."""
    settings = load(Settings)
    sync = definition(name).name
    reason = f"run {run_id} was undone, and the model still says what it did"
    request = Request(undo=run_id)
    _deliver([sync], settings, request, as_json=as_json, then_pause=reason)


@app.command("trace")
def trace_command(
    name: Annotated[str, typer.Argument(help="Name of the sync.")],
    key: Annotated[str, typer.Argument(help="Key of the row, as delivered.")],
    as_json: AsJson = False,
) -> None:
    """Deliver one row, and show every request and answer. Secrets are covered."""
    settings = load(Settings)
    clock = clock_from(settings)
    sync = definition(name).name
    with recorded() as exchanges:
        only = Request(keys=frozenset({key}))
        result = run(sync, settings, clock, by_hand(clock), request=only)
    sent = [row for row in history.rows(sync, settings, key) if row["run_id"] == result.run_id]
    if as_json:
        _print(
            {
                "result": report.as_dict(result),
                "rows": [report.as_dict(row) for row in sent],
                "exchanges": [vars(exchange) for exchange in exchanges],
            }
        )
    else:
        report.console().print(report.trace_table(result, sent, exchanges))
    raise typer.Exit(exit_code([result]))


@app.command("status")
def status_command(
    names: Names = None,
    runs: Annotated[int, typer.Option(help="How many runs per sync.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Show the latest runs."""
    settings = load(Settings)
    chosen = _chosen(names, settings)
    running = {name: held for name in chosen if (held := holder(settings, name))}
    found = {
        name: history.status(name, settings, runs=runs) for name in chosen if name not in running
    }
    if as_json:
        told = {name: [{"status": "running", **vars(held)}] for name, held in running.items()}
        _print(told | {name: [report.as_dict(run) for run in runs] for name, runs in found.items()})
    else:
        report.console().print(report.runs_table(found))
        for name in chosen:
            if stopped := paused(settings, name):
                report.console().print(
                    f"{name}: paused since {stopped.since}: {stopped.reason}", markup=False
                )
        for name, held in running.items():
            report.console().print(f"{name}: running, {held}", markup=False)


@app.command("log")
def log_command(
    name: Annotated[str, typer.Argument(help="Name of the sync.")],
    key: Annotated[str | None, typer.Argument(help="Key of one row.")] = None,
    *,
    limit: Annotated[int, typer.Option(help="How many rows at most.")] = 50,
    rejected: Annotated[
        bool,
        typer.Option("--rejected", help="Rows refused and still to be sent; until when they wait."),
    ] = False,
    edits: Annotated[
        bool, typer.Option("--edits", help="Fields that others changed since we wrote them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what was sent, row by row, and what the destination answered."""
    settings = load(Settings)
    sync = definition(name).name
    if rejected:
        found, table = history.owed(sync, settings), report.owed_table
    elif edits:
        found, table = history.edits(sync, settings, limit=limit), report.edits_table
    else:
        found, table = history.rows(sync, settings, key, limit=limit), report.log_table
    if as_json:
        _print([report.as_dict(item) for item in found])
    else:
        report.console().print(table(found))


@app.command("pause")
def pause_command(
    names: Annotated[list[str], typer.Argument(help="Names of syncs.")],
    reason: Annotated[str, typer.Option(help="Why; shown to whoever asks.")],
) -> None:
    """Stop syncs until `resume`: a run that is on ends after its batch, and no other begins."""
    settings = load(Settings)
    for name in _chosen(names, settings):
        pause(settings, name, reason, clock_from(settings).now())
        _tell(f"{name}: paused; what is not sent stays owed")


@app.command("resume")
def resume_command(
    names: Annotated[list[str], typer.Argument(help="Names of syncs.")],
) -> None:
    """Let paused syncs go on with their next run."""
    settings = load(Settings)
    for name in _chosen(names, settings):
        _tell(f"{name}: {'goes on' if resume(settings, name) else 'was not paused'}")


@app.command("move")
def move_command(names: Names = None) -> None:
    """Move what syncs remember from their files into PostgreSQL (HEADWATER_SYNC_STATE_URL)."""
    settings = load(Settings)
    for name in _chosen(names, settings):
        keys = move_to_postgres(settings, name, clock_from(settings).now())
        _tell(f"{name}: moved, {keys:,} keys are known at the destination")


@app.command("purge")
def purge_command(
    name: Annotated[str, typer.Argument(help="Name of the sync.")],
    key: Annotated[str, typer.Argument(help="Key of the person or record.")],
) -> None:
    """Forget one key: in the audit, the log and what was sent. The destination keeps its record."""
    settings = load(Settings)
    lines = purge(definition(name).name, settings, clock_from(settings), key)
    _tell(f"{name}: {lines:,} lines of the audit removed; a model that has the key sends it again")


@app.command("release")
def release_command(
    name: Annotated[str, typer.Argument(help="Name of the sync.")],
    keys: Annotated[list[str] | None, typer.Argument(help="Keys; all that wait if none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let quarantined rows go, and run the sync now. Rejected rows are tried without it."""
    settings = load(Settings)
    clock = clock_from(settings)
    let_go = release(definition(name).name, settings, clock, keys or ())
    _tell(f"{name}: {let_go:,} rows let go from quarantine")
    _deliver([name], settings, Request(), as_json=as_json)


def _deliver(
    names: Sequence[str],
    settings: Settings,
    request: Request,
    *,
    as_json: bool,
    then_pause: str | None = None,
) -> None:
    clock = clock_from(settings)
    results = []
    for name in names:
        result = run(name, settings, clock, by_hand(clock), on_progress=_tell, request=request)
        results.append(result)
        if then_pause and result.planned:
            pause(settings, name, then_pause, clock.now())
            _tell(f"{name}: paused; `headwater sync resume {name}` lets the model speak again")
    if as_json:
        _print([report.as_dict(item) for item in results])
    else:
        report.console().print(report.results_table(results))
    raise typer.Exit(exit_code(results))


def by_hand(clock: Clock) -> str:
    """The cycle id of what a person starts."""
    return f"by-hand-{clock.now():%Y%m%dT%H%M%SZ}"


def exit_code(results: Sequence[RunResult]) -> int:
    """0 if all are clean, 1 if any failed, was blocked or found the sync busy, else 2."""
    found = {result.status for result in results}
    if found & {RunStatus.FAILED, RunStatus.BLOCKED, RunStatus.BUSY}:
        return 1
    return 2 if found & {RunStatus.PARTIAL, RunStatus.PAUSED} else 0


def _chosen(names: Sequence[str] | None, settings: Settings) -> list[str]:
    if names:
        return [definition(name).name for name in names]
    return [item.name for item in enabled(settings)]


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


def _print(content: Any) -> None:
    print(json.dumps(content, indent=2, ensure_ascii=False))
