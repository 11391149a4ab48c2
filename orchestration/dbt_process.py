"""dbt inside this process: imported once, parsed once, its file let go of after every command.

docs/decisions/0003-dbt-in-process.md says why, with figures.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.errors import DefinitionError
from headwater.settings import Settings
from headwater.warehouse import connect
from syncs.audit import bring_audit

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"
THREADS = min(4, max(2, os.cpu_count() or 2))
"""Nodes at a time. They share one interpreter, and DuckDB shares a statement out among the cores:
on two cores four threads took a twentieth more CPU time than two."""
_CHOSEN = "chosen_for_this_command"


@dataclass(frozen=True)
class NodeResult:
    """What became of one model, seed or test.

    ``status`` is dbt's word (``success pass warn fail error skipped``); ``failures`` counts the
    rows a test found; ``seconds`` is dbt's execution time.
    """

    unique_id: str
    status: str
    message: str
    failures: int | None
    seconds: float

    @property
    def passed(self) -> bool:
        """It was built, or the test holds (perhaps with a warning)."""
        return self.status in {"success", "pass", "warn"}


@cache
def parsed(project: Path, home: Path) -> Manifest:
    """The project's manifest, parsed once per process.

    Raises :class:`DefinitionError` with dbt's own words when the project does not parse.
    """
    result = _invoke(["parse"], project, home)
    if not result.success or result.result is None:
        raise DefinitionError(
            f"The dbt project does not parse: {result.exception}",
            next_step=f"Run `dbt parse` in {project.name} and correct what it names.",
        )
    return result.result  # type: ignore[no-any-return]


def manifest_properties(project: Path, home: Path) -> dict[str, Any]:
    """The manifest as ``manifest.json`` would hold it."""
    return parsed(project, home).writable_manifest().to_dict(omit_none=False)


def build(
    select: Sequence[str],
    settings: Settings,
    as_of: datetime,
    *,
    project: Path = PROJECT,
    on_node: Callable[[str, str], None] | None = None,
) -> list[NodeResult]:
    """``dbt build`` of exactly the nodes in ``select`` (unique ids), as of ``as_of``.

    ``on_node`` is called with unique id and status as each node ends. Results come in the order
    in which nodes ended, those that were skipped included. Raises what kept dbt from running at
    all; a node that failed is a result, not an exception.
    """
    with connect(settings):
        pass  # waits for the file, and says who holds it when it is not let go
    if as_of.tzinfo is not None:
        as_of = as_of.astimezone(UTC).replace(tzinfo=None)
    arguments = ["build", "--select", f"tag:{_CHOSEN}", "--indirect-selection", "empty"]
    arguments += ["--threads", str(THREADS)]
    arguments += ["--vars", json.dumps({"as_of": as_of.isoformat(sep=" ")})]
    bring_audit(settings)
    with places_for_dbt(settings):
        part = _part(parsed(project, settings.home), select)
        with _chosen(part, select), _rare_collections():
            result = _invoke(arguments, project, settings.home, on_node=on_node, manifest=part)
    if result.result is None:
        raise DefinitionError(
            f"dbt did not run: {result.exception}",
            next_step=f"Run `dbt build` in {project.name} to see the whole message.",
        )
    return [
        NodeResult(
            unique_id=item.node.unique_id,
            status=str(item.status),
            message=str(item.message or ""),
            failures=item.failures,
            seconds=float(item.execution_time),
        )
        for item in result.result.results
    ]


def _invoke(
    arguments: list[str],
    project: Path,
    home: Path,
    *,
    on_node: Callable[[str, str], None] | None = None,
    manifest: Manifest | None = None,
) -> Any:
    from dbt.cli.main import dbtRunner  # some seconds of imports: paid by who uses dbt

    def listen(event: Any) -> None:
        if on_node is not None and event.info.name == "NodeFinished":
            node = event.data.node_info
            on_node(node.unique_id, node.node_status)

    work = (home / "dbt").resolve()
    runner = dbtRunner(manifest=manifest, callbacks=[listen] if on_node else None)
    try:
        result = runner.invoke(
            [
                *arguments,
                *("--project-dir", str(project), "--profiles-dir", str(project)),
                *("--target-path", str(work), "--log-path", str(work)),
                *("--log-level", "none", "--log-level-file", "none", "--quiet"),
                *("--no-write-json", "--no-print", "--no-use-colors"),
            ]
        )
    finally:
        _let_go_of_the_file()
    if result.exception is not None and not isinstance(result.exception, Exception):
        raise result.exception  # Ctrl-C: dbt catches it, and returns it as if it were its own
    return result


def _let_go_of_the_file() -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.adapters.factory import reset_adapters

    DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    reset_adapters()  # type: ignore[no-untyped-call]


def _part(manifest: Manifest, unique_ids: Sequence[str]) -> Manifest:
    """The nodes of one command and what they are built from.

    dbt links and searches the graph it is given anew for every command; the steps with few nodes
    need not pay for the whole project.
    """
    from dbt.contracts.graph.manifest import Manifest

    kept: set[str] = set()
    stack = list(unique_ids)
    while stack:
        unique_id = stack.pop()
        if unique_id in manifest.nodes and unique_id not in kept:
            kept.add(unique_id)
            stack.extend(manifest.nodes[unique_id].depends_on_nodes)
    part = Manifest(
        nodes={
            unique_id: manifest.nodes[unique_id]
            for unique_id in manifest.nodes
            if unique_id in kept
        },
        sources=manifest.sources,
        macros=manifest.macros,
        docs=manifest.docs,
        groups=manifest.groups,
        selectors=manifest.selectors,
        metadata=manifest.metadata,
        files=manifest.files,
        disabled=manifest.disabled,
        state_check=manifest.state_check,
    )
    part.build_flat_graph()  # type: ignore[no-untyped-call]
    return part


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Keep Python's garbage collector from walking the parsed project again and again.

    The manifest's hundreds of thousands of objects live as long as the process; looking through
    them was a tenth to a third of a command's time (docs/decisions/0003-dbt-in-process.md). What is
    garbage now is found once the block has ended.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def _chosen(manifest: Manifest, unique_ids: Sequence[str]) -> Iterator[None]:
    """Tag nodes for the length of one command.

    A selector per node would be compared with every node, three times over: seconds per command,
    and names select what lies in folders of that name, too.
    """
    nodes = [manifest.nodes[unique_id] for unique_id in unique_ids]
    for node in nodes:
        node.tags.append(_CHOSEN)
    try:
        yield
    finally:
        for node in nodes:
            node.tags.remove(_CHOSEN)


@contextmanager
def places_for_dbt(settings: Settings) -> Iterator[None]:
    """Tell dbt, by the environment, which warehouse to open and where the audit of syncs is,
    whatever the working directory.

    Held around whatever has threads: one that reads the environment (each HTTP call looks there
    for proxies) while it changes fails. Where it is held, it changes nothing any more.
    """
    places = {
        "HEADWATER_WAREHOUSE_PATH": str(settings.warehouse.resolve()),
        "HEADWATER_SYNC_AUDIT": str(settings.sync_audit.resolve()),
    }
    before = {name: os.environ.get(name) for name in places}
    changed = [name for name, place in places.items() if before[name] != place]
    for name in changed:
        os.environ[name] = places[name]
    try:
        yield
    finally:
        for name in changed:
            value = before[name]
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
