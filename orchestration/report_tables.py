"""The report of a cycle as tables for a terminal of 100 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestration.report import Report, Row

WIDTH = 100
STREAM_NUMBERS = ("received", "landed", "duplicates", "quarantined", "tombstoned", "calls")
SYNC_NUMBERS = ("created", "updated", "removed", "adopted", "rejected", "owed", "calls")


def render(report: Report) -> RenderableType:
    """All sections, one below the other."""
    return Group(*_sections(report))


def _sections(report: Report) -> Iterator[RenderableType]:
    yield _table("Landed", ("stream",), STREAM_NUMBERS, _streams(report["streams"]))
    yield _measures("People", report["people"])
    yield _measures("Accounts", report["accounts"])
    yield _table("Fit (ICP tier)", ("tier",), ("accounts",), report["icp_tiers"])
    yield from _pqls(report["pqls"])
    yield _audiences(report["audiences"])
    yield _syncs(report["syncs"])


def _table(
    title: str, words: Sequence[str], numbers: Sequence[str], rows: list[Row] | None
) -> RenderableType:
    if rows is None:
        return Text(f"{title}: not built yet", style="yellow")
    if not rows:
        return Text(f"{title}: nothing", style="dim")
    table = _plain_table()
    for name in words:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            *(str(row[name]) for name in words), *(_number(row[name]) for name in numbers)
        )
    return _titled(title, table)


def _plain_table() -> Table:
    """A table without lines: ten columns fit the width."""
    return Table(header_style="dim", box=None, padding=(0, 1, 0, 0), pad_edge=False)


def _titled(title: str, table: Table) -> RenderableType:
    return Padding(Group(Text(title, style="bold"), table), (1, 0, 0, 0))


def _number(value: Any) -> str:
    return "" if value is None else f"{value:,}"


def _streams(rows: list[Row] | None) -> list[Row] | None:
    return rows and [{**row, "stream": f"{row['source']}.{row['stream']}"} for row in rows]


def _measures(title: str, rows: list[Row] | None) -> RenderableType:
    if rows is None:
        return Text(f"{title}: not built yet", style="yellow")
    parts = [f"{row['count']:,} {row['measure']}" for row in rows]
    return Padding(Text.assemble((f"{title}: ", "bold"), ", ".join(parts)), (1, 0, 0, 0))


def _pqls(found: Row | None) -> Iterator[RenderableType]:
    if found is None:
        yield Text("Product-qualified leads: not built yet", style="yellow")
        return
    counts = ", ".join(f"{row['accounts']:,} {row['pql_id']}" for row in found["by_definition"])
    title = Text.assemble(("Product-qualified leads: ", "bold"), counts or "none")
    yield Padding(title, (1, 0, 0, 0))
    for row in found["shown"]:
        head = f"{row['account_name']} (tier {row['tier'] or '-'}, {row['pql_id']})"
        yield Padding(Text.assemble((head, "bold"), f": {row['headline']}"), (0, 0, 0, 2))
        for reason in row["reasons"]:
            yield Padding(Text(f"- {_reason(reason)}"), (0, 0, 0, 4))


def _reason(reason: Mapping[str, Any]) -> str:
    if reason["detail"]:
        return str(reason["detail"])
    return (
        f"{reason['label']}: {reason['observed_value']} "
        f"(asked: {reason['operator']} {reason['threshold']})"
    )


def _audiences(rows: list[Row] | None) -> RenderableType:
    if rows is None:
        return Text("Audiences: not built yet", style="yellow")
    table = _plain_table()
    table.add_column("audience", no_wrap=True)
    table.add_column("workspaces", justify="right")
    table.add_column("excluded by (a workspace may fail several)", overflow="fold")
    for row in rows:
        excluded = ", ".join(f"{name} {count:,}" for name, count in row["excluded"].items())
        table.add_row(row["audience"], _number(row["workspaces"]), excluded)
    return _titled("Audiences, each built from the one above", table)


def _syncs(rows: list[Row]) -> RenderableType:
    if not rows:
        return Text("Syncs: none ran", style="yellow")
    table = _plain_table()
    table.add_column("sync", no_wrap=True)
    for name in (*SYNC_NUMBERS, "least"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for row in rows:
        style = {"clean": "green", "partial": "yellow"}.get(row["status"], "red")
        table.add_row(
            row["sync"],
            *(_number(row[name]) for name in SYNC_NUMBERS),
            _number(row["least_calls"]),
            Text(row["status"], style=style),
        )
    return _titled("Delivered", table)
