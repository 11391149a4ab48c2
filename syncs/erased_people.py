"""Erased people in what syncs remember: their rows leave the destination by the ordinary plan, and
then the state, the log, the audit, what is said of runs, sealed plans and our copies of published
files forget them.

The order matters: what a destination still holds of a row that is ours can only be taken back while
``sent`` knows of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from headwater.clock import Clock
from headwater.durable_file import sync_folder
from headwater.erased_rows import (
    Found,
    Rows,
    Search,
    covering,
    types_of,
    without_addresses,
)
from headwater.erasures import Tombstones
from headwater.settings import Settings
from headwater.warehouse import literal, write_anew
from syncs.definition import Definition, Removal
from syncs.embedded_state import open_embedded
from syncs.erased_copies import forget_in_copies
from syncs.kept_files import bring, forget
from syncs.registry import definitions
from syncs.request import Request
from syncs.run import purge, run
from syncs.state import RunStatus, State, hold_state, look_at_state, moved_path, state_path

TABLES = ("sent", "outbox", "refused", "edits")
_TEXTS = {
    "sent": ("fields",),
    "outbox": ("fields", "before", "after", "message"),
    "refused": ("fields", "message"),
    "edits": ("written", "found", "wanted"),
}


@dataclass(frozen=True)
class Remembered:
    """What one sync remembers of the erased: ``keys`` of rows in its state, ``removal`` what a run
    does at the destination with those that it delivered."""

    sync: str
    destination: str
    removal: Removal
    keys: frozenset[str]


def find_remembered(settings: Settings, tombstones: Tombstones) -> list[Remembered]:
    """The rows of erased people in the state of every sync."""
    found = []
    for definition in definitions():
        keys = _keys(definition, settings, tombstones)
        if keys:
            found.append(
                Remembered(definition.name, definition.destination, definition.removal.action, keys)
            )
    return found


def forget_erased(
    settings: Settings, clock: Clock, tombstones: Tombstones
) -> tuple[dict[str, int], dict[str, str]]:
    """Take the rows of the erased back from the destinations where removal is more than ignored,
    then forget them; returns the keys forgotten by sync, and by sync why some are not: without
    the destination's words, which may hold what it refused.

    The models must be built without them. A row whose removal is not acknowledged is kept until it
    is: without it nobody would know what is still to be removed.
    """
    forgotten: dict[str, int] = {}
    owed: dict[str, str] = {}
    for one in find_remembered(settings, tombstones):
        if one.removal is not Removal.IGNORE:
            result = run(one.sync, settings, clock, "erasure", request=Request(keys=one.keys))
            if result.status is not RunStatus.CLEAN:
                codes = ", ".join(sorted({refusal.code for refusal in result.refusals}))
                owed[one.sync] = (
                    f"{'refused as ' + codes if codes else result.status}; see "
                    f"`headwater sync status {one.sync}`"
                )
                continue
        purge(one.sync, settings, clock, *sorted(one.keys))
        forgotten[one.sync] = len(one.keys)
    for definition in definitions():
        _clear_reasons(definition.name, settings, clock, tombstones)
        file = state_path(settings, definition.name)
        # Every file: of one that forgot before a kill nothing tells that its bytes still know.
        if settings.sync_state_url is None and file.exists():
            write_anew(settings, path=file)
        _remove_moved(definition, settings, tombstones)
    forgotten |= dict(_sealed_plans(settings, tombstones))
    forgotten |= dict(forget_in_copies(settings, clock, tombstones, owed))
    return forgotten, owed


def _clear_reasons(name: str, settings: Settings, clock: Clock, tombstones: Tombstones) -> None:
    """Take addresses out of why runs ended: a vendor repeats what it refused."""
    with look_at_state(settings, name) as state:
        if state is None or not _reasons(state, tombstones):
            return
    with hold_state(settings, name, clock.now()) as (state, _):
        found = _reasons(state, tombstones)
        pattern = covering(found.nodes)
        for run_id in found.mentioning:
            [(reason,)] = state.rows("select reason from runs where run_id = $run", {"run": run_id})
            state.change(
                "update runs set reason = $reason where run_id = $run",
                {"reason": without_addresses(reason, pattern), "run": run_id},
            )


def _reasons(state: State, tombstones: Tombstones) -> Found:
    state.fetch("remembered", "select run_id, reason from runs where reason is not null")
    rows = Rows("remembered", "run_id", "reason")
    return Search(state.compute, tombstones).find(rows)


def _keys(definition: Definition, settings: Settings, tombstones: Tombstones) -> frozenset[str]:
    with look_at_state(settings, definition.name) as state:
        return _keys_in(state, definition, tombstones) if state is not None else frozenset()


def _keys_in(state: State, definition: Definition, tombstones: Tombstones) -> frozenset[str]:
    keys: set[str] = set()
    search = Search(state.compute, tombstones)
    for table in TABLES:
        texts = ", ".join(f"cast({name} as varchar) as {name}" for name in _TEXTS[table])
        state.fetch("remembered", f"select key, {texts} from {table}")  # noqa: S608 (ours)
        found = search.find(_rows(definition, table))
        keys |= {str(key) for key in (*found.about, *found.mentioning)}
    return frozenset(keys)


def _remove_moved(definition: Definition, settings: Settings, tombstones: Tombstones) -> None:
    """Remove the file that was left when the state moved to PostgreSQL, if it knows somebody
    erased: all it says is there."""
    file = moved_path(settings, definition.name)
    if not file.exists():
        return
    with open_embedded(settings, definition.name, file, read_only=True) as state:
        knows = _keys_in(state, definition, tombstones) or _reasons(state, tombstones)
    if knows:
        file.unlink()
        sync_folder(file.parent)


def _rows(definition: Definition, table: str) -> Rows:
    """What was fetched of a table of the state; fields are told by the columns they come from."""
    about = {}
    if types_of(definition.key.column):
        about["key"] = types_of(definition.key.column)
    for column in _TEXTS[table]:
        for mapped in definition.fields:
            if types_of(mapped.column) and column in ("fields", "before", "after"):
                path = '$."' + mapped.field.replace("'", "''") + '"'
                about[f"({column} ->> '{path}')"] = types_of(mapped.column)
    texts = ", ".join(("key", *_TEXTS[table]))
    return Rows("remembered", "key", f"concat_ws(' ', {texts})", about)


def _sealed_plans(settings: Settings, tombstones: Tombstones) -> Iterator[tuple[str, int]]:
    """Remove every sealed plan that holds somebody erased: sealed, it cannot be changed."""
    by_name = {definition.name: definition for definition in definitions()}
    folder = settings.sync_state / "plans"
    bring(folder, settings)
    for path in sorted(folder.glob("*.parquet")):
        definition = by_name.get(path.name.rsplit("-", 2)[0])
        connection = duckdb.connect()
        try:
            connection.execute(f"create view outbox as from read_parquet({literal(path)})")
            keys = {"key": types_of(definition.key.column)} if definition else {}
            rows = Rows("outbox", "seq", "concat_ws(' ', key, fields, before)", keys)
            found = Search(connection, tombstones).find(rows)
        finally:
            connection.close()
        if found:
            forget(path.with_suffix(".json"), settings)
            forget(path, settings)
            yield f"plan {path.stem}", len(found.about) + len(found.mentioning)
