"""Plans, runs and logs for people (rich tables of at most 100 columns) and for machines (dicts)."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from headwater.errors import HeadwaterError
from headwater.recording import Exchange
from syncs.plan import Plan
from syncs.run import RunResult

LEFT_ALONE_SHOWN = 20
SHOWN_CHARACTERS = 1_500
"""Of a body in a trace; `--json` shows more."""


def plans_table(plans: Sequence[Plan]) -> RenderableType:
    """Counts per sync, then the sample of each plan that would send something."""
    table = _table("sync", "rows", "create", "update", "remove", "adopt", "unchanged", "calls")
    parts: list[RenderableType] = [table]
    for plan in plans:
        calls = "?" if plan.least_calls is None else f"{plan.least_calls:,}"
        table.add_row(
            plan.name,
            *_numbers(plan.model_rows, plan.created, plan.updated, plan.removed, plan.adopted,
                      plan.unchanged),
            calls,
        )  # fmt: skip
        if plan.plan_id:
            parts.append(Text(f"{plan.name}: sealed; `headwater sync apply {plan.plan_id}`"))
        if plan.blocked:
            parts.append(Text(f"blocked: {plan.blocked}", style="red"))
        if plan.unresolved:
            parts.append(Text(f"{plan.name}: {plan.unresolved:,} rows of an earlier run are "
                              "resolved first.", style="yellow"))  # fmt: skip
        parts += [Text(warning, style="yellow") for warning in plan.warnings]
    return Group(*parts)


def sample_table(plan: Plan) -> RenderableType:
    """The first rows of each operation, field by field."""
    table = _table("operation", "key", "field", "acknowledged", "to send", numbers_from=9)
    for row in plan.sample:
        if not row.fields:
            table.add_row(row.operation, row.key, "", "", "")
        for field, (before, after) in row.fields.items():
            table.add_row(row.operation, row.key, field, _shown(before), _shown(after))
    return table


def results_table(results: Sequence[RunResult]) -> RenderableType:
    """What runs did, and why rows were refused."""
    table = _table("sync", "status", "create", "update", "remove", "reject", "owed", "same",
                   "calls", "least", numbers_from=2)  # fmt: skip
    parts: list[RenderableType] = [table]
    for result in results:
        table.add_row(
            result.name,
            Text(str(result.status), style=_COLOURS.get(str(result.status), "")),
            *_numbers(result.created, result.updated, result.removed, result.rejected,
                      result.owed, result.unchanged + result.adopted, result.calls,
                      result.least_calls),
        )  # fmt: skip
        if result.error:
            parts.append(Text(f"{result.name}: {result.error}", style="red"))
        if result.left_out:
            drifted = f"{result.drifted:,} of the plan have drifted, " if result.drifted else ""
            parts.append(Text(f"{result.name}: {drifted}{result.left_out:,} rows were left out and "
                              "are still to be sent.", style="yellow"))  # fmt: skip
        parts += [
            Text(f"{result.name}: {item.key} {item.field}: left alone, {item.reason}",
                 style="yellow")
            for item in result.left_alone[:LEFT_ALONE_SHOWN]
        ]  # fmt: skip
        if len(result.left_alone) > LEFT_ALONE_SHOWN:
            more = len(result.left_alone) - LEFT_ALONE_SHOWN
            parts.append(Text(f"{result.name}: and {more:,} more (--json shows all)"))
        if result.quarantined:
            parts.append(Text(f"{result.name}: {result.quarantined:,} rows wait because they were "
                              f"refused too often; `headwater sync log {result.name} --rejected`.",
                              style="yellow"))  # fmt: skip
        parts += [
            Text(f"{result.name}: {item.rows:,} rows refused, {item.code}: {item.example_message} "
                 f"(key {item.example_key})", style="yellow")
            for item in result.refusals
        ]  # fmt: skip
    return Group(*parts)


def runs_table(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> RenderableType:
    """The latest runs of each sync."""
    table = _table("sync", "started", "status", "create", "update", "remove", "reject", "owed",
                   "calls", "least", numbers_from=3)  # fmt: skip
    parts: list[RenderableType] = [table]
    for name, found in runs.items():
        if not found:
            table.add_row(name, "never ran")
        for run in found:
            table.add_row(
                name,
                f"{run['started_at']:%Y-%m-%d %H:%M}",
                Text(run["status"], style=_COLOURS.get(run["status"], "")),
                *_numbers(*(run[column] for column in ("created", "updated", "removed",
                                                       "rejected", "owed", "calls",
                                                       "least_calls"))),
            )  # fmt: skip
        if found and found[0]["reason"]:
            parts.append(Text(f"{name}: {found[0]['reason']}", style="yellow"))
    return Group(*parts)


def log_table(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """What was sent and what the destination answered."""
    table = _table("at", "key", "operation", "state", "sent", "answer", numbers_from=9)
    for row in rows:
        answer = ": ".join(part for part in (row["code"], row["message"]) if part)
        table.add_row(
            f"{row['changed_at']:%Y-%m-%d %H:%M}",
            row["key"],
            row["operation"],
            row["state"],
            row["fields"],
            answer or row["destination_id"] or "",
        )
    return table


def owed_table(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Refused rows that are still to be sent."""
    table = _table("key", "operation", "refused", "first", "last", "next try", "answer",
                   numbers_from=9)  # fmt: skip
    for row in rows:
        answer = ": ".join(part for part in (row["code"], row["message"]) if part)
        table.add_row(
            row["key"],
            row["operation"],
            f"{row['attempts']} times",
            f"{row['first_seen_at']:%Y-%m-%d %H:%M}",
            f"{row['last_seen_at']:%Y-%m-%d %H:%M}",
            "next run" if row["retry_at"] is None else f"{row['retry_at']:%Y-%m-%d %H:%M}",
            answer,
        )
    return table


def trace_table(
    result: RunResult, rows: Sequence[Mapping[str, Any]], exchanges: Sequence[Exchange]
) -> RenderableType:
    """One row's delivery: what was sent of it, and the calls that did it."""
    parts: list[RenderableType] = [results_table([result])]
    if not rows:
        parts.append(Text("Nothing of this row was to be sent: it is as the model says, or waits."))
    else:
        parts.append(log_table(rows))
    if rows and not exchanges:
        parts.append(Text("This destination is not spoken to by HTTP: there is no call to show."))
    for exchange in exchanges:
        status = exchange.status if exchange.status is not None else "no answer"
        parts.append(Text(f"\n{exchange.method} {exchange.url} -> {status}", style="bold"))
        for mark, text in ((">", exchange.sent), ("<", exchange.answered)):
            if text:
                parts.append(Text(f"{mark} {text[:SHOWN_CHARACTERS]}"))
    return Group(*parts)


def edits_table(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Fields that others changed since we wrote them."""
    table = _table("seen", "key", "field", "we wrote", "they wrote", "model", "now", numbers_from=9)
    for row in rows:
        table.add_row(
            f"{row['seen_at']:%Y-%m-%d %H:%M}",
            row["key"],
            row["field"],
            row["written"],
            row["found"],
            row["wanted"],
            "theirs" if row["kept"] else "ours",
        )
    return table


def as_dict(item: Plan | RunResult | Mapping[str, Any]) -> dict[str, Any]:
    """What is known about a plan, a run or a row, ready for JSON."""
    if isinstance(item, Mapping):
        return {name: _plain(value) for name, value in item.items()}
    content = {
        each.name: getattr(item, each.name)
        for each in dataclasses.fields(item)
        if each.name not in {"sample", "refusals", "left_alone"}
    }
    nested = (
        {"sample": [dataclasses.asdict(row) for row in item.sample]}
        if isinstance(item, Plan)
        else {
            "refusals": [dataclasses.asdict(refusal) for refusal in item.refusals],
            "left_alone": [dataclasses.asdict(row) for row in item.left_alone],
        }
    )
    return {key: _plain(value) for key, value in content.items()} | nested


def console() -> Console:
    """A console of at most 100 columns."""
    found = Console()
    return found if found.width <= 100 and found.is_terminal else Console(width=100)


_COLOURS = {
    "clean": "green",
    "partial": "yellow",
    "failed": "red",
    "blocked": "red",
    "busy": "red",
    "paused": "yellow",
}


def _table(*columns: str, numbers_from: int = 1) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for position, column in enumerate(columns):
        number = position >= numbers_from
        table.add_column(
            column, justify="right" if number else "left", no_wrap=number, overflow="fold"
        )
    return table


def _numbers(*values: int) -> list[str]:
    return [f"{value:,}" for value in values]


def _shown(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, HeadwaterError):
        return str(value)
    return value
