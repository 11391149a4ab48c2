"""Erases a person: from the landing zone to the marts, step by step (docs/privacy.md).

The tombstone comes first and is durable; from then on every step finds what to remove by digest, so
whatever a crash left is finished by asking again. A step that is done is noted with its counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from connectors.erase_raw import erase_raw, look_at_raw, records_of
from connectors.erase_zone import erase_zone, look_at_zone
from connectors.raw_tables import ensure_raw_tables
from connectors.registry import all_streams
from connectors.zone import Zone
from headwater.clock import Clock
from headwater.erased_rows import Search
from headwater.erasures import Erasure, Tombstones, begin_erasure, read_tombstones, write_erasure
from headwater.errors import PermanentError
from headwater.person import identifiers_of, normalised_email
from headwater.settings import Settings
from headwater.warehouse import connect, write_anew
from orchestration.dbt_process import PROJECT, build, manifest_properties
from orchestration.erase_models import erase_history, find_in_models, find_in_warehouse
from orchestration.erase_texts import erase_texts
from orchestration.lease import cycle_lease
from orchestration.terminal import user
from orchestration.vendor_records import at_vendors, named
from syncs.erased_people import find_remembered, forget_erased

Say = Callable[[str], None]


@dataclass(frozen=True)
class ErasurePlan:
    """What an erasure would remove. ``identifiers`` counts the person's by type; the others hold,
    per place, how many rows would be removed and how many would stay without the person.
    ``at_vendors`` names the records whose deletion is queued, those that people have to delete
    among them.
    ``models`` are the tables with rows that the next build leaves out; ``syncs`` the rows that a
    sync remembers, with what it does at the destination: ``{sync: (removal, rows)}``."""

    identifiers: Mapping[str, int]
    at_vendors: tuple[str, ...]
    zone: Mapping[str, tuple[int, int]]
    raw: Mapping[str, tuple[int, int]]
    models: Mapping[str, int]
    syncs: Mapping[str, tuple[str, int]]


class NotErasedError(PermanentError):
    """Something of the person is still there. ``left``: rows by table. ``failed``: models that
    could not be built. ``owed``: by sync, why its destination has not acknowledged a removal."""

    def __init__(
        self, left: Mapping[str, int], failed: Sequence[str], owed: Mapping[str, str]
    ) -> None:
        said = [f"{table} holds {rows} rows" for table, rows in sorted(left.items())]
        said += [f"{model} failed" for model in failed]
        said += [f"{sync} has not removed its rows: {why}" for sync, why in sorted(owed.items())]
        super().__init__(
            f"The person is not erased yet: {'; '.join(said)}.",
            next_step="Ask again with the same address when that is mended: it goes on. The "
            "tombstone holds meanwhile.",
        )
        self.left, self.failed, self.owed = left, failed, owed


def plan_erasure(settings: Settings, address: str) -> ErasurePlan:
    """What erasing the person with this address would remove. Removes nothing."""
    email = normalised_email(address)
    zone = Zone(settings.landing_zone)
    streams = all_streams()
    with connect(settings) as connection:
        ensure_raw_tables(connection)  # columns that a contract gained since the last landing
        nodes = _identifiers(connection, email)
        tombstones = Tombstones.of(nodes)
        search = Search(connection, tombstones)
        raw = look_at_raw(search, streams)
        models = find_in_models(search)
        in_zone = look_at_zone(search, zone, streams)
    remembered = find_remembered(settings, tombstones)
    types = list(nodes.values())
    return ErasurePlan(
        {name: types.count(name) for name in sorted(set(types))},
        tuple(
            named(vendor, nodes[node], node.partition(":")[2]) for vendor, node in at_vendors(nodes)
        ),
        in_zone,
        raw,
        models,
        {one.sync: (str(one.removal), len(one.keys)) for one in remembered},
    )


def erase(settings: Settings, clock: Clock, address: str, say: Say = lambda _: None) -> Erasure:
    """Erase the person with this address, or go on with an erasure that was cut off; returns its
    account. The deletion of the person's records at vendors is queued with it, and delivered by
    :mod:`orchestration.deliver_deletions` only.

    Holds the cycle's lease. Raises :class:`NotErasedError` when something is left: the erasure
    stays open then, and asking again goes on with it.
    """
    email = normalised_email(address)
    with cycle_lease(settings, "headwater privacy erase"):
        with connect(settings) as connection:
            ensure_raw_tables(connection)
            nodes = _identifiers(connection, email)
        root = settings.landing_zone
        erasure = begin_erasure(
            root,
            nodes,
            clock.now(),
            user(),
            email=email,
            at_vendors=at_vendors(nodes),
        )
        say(f"queued: {len(erasure.owed)} deletions at vendors")
        say(f"erasure {erasure.erasure_id}: {sum(erasure.identifiers.values())} identifiers")
        tombstones = read_tombstones(root)
        with connect(settings) as connection:
            search = Search(connection, tombstones)
            removed = erase_zone(search, Zone(root), all_streams())
            erasure = _note(settings, erasure, "zone", removed, say)
            removed = _in_one(search, erase_raw, all_streams())
            erasure = _note(settings, erasure, "raw", removed, say)
            removed = _in_one(search, erase_history)
            erasure = _note(settings, erasure, "history", removed, say)
        failed = _rebuild(settings, clock.now())
        say("models: built anew" if not failed else f"models: {len(failed)} failed")
        owed: dict[str, str] = {}
        if not failed:  # a removal is planned by what the models lack
            forgotten, owed = forget_erased(settings, clock, tombstones)
            erasure = _note(settings, erasure, "syncs", forgotten, say)
        erasure = _note(settings, erasure, "texts", erase_texts(settings, tombstones), say)
        with connect(settings, read_only=True) as connection:
            left = find_in_warehouse(Search(connection, tombstones), all_streams())
        write_anew(settings)
        say("warehouse: its file is written anew")
        if left or failed or owed:
            raise NotErasedError(left, failed, owed)
        erasure = erasure.model_copy(update={"finished_at": clock.now()})
        write_erasure(root, erasure)
    return erasure


def _identifiers(connection: duckdb.DuckDBPyConnection, email: str) -> dict[str, str]:
    nodes = identifiers_of(connection, email)
    known = records_of(connection, all_streams(), frozenset(nodes))
    return {node: node.partition(":")[0] for node in known}


def _in_one(
    search: Search, work: Callable[..., dict[str, int]], *arguments: object
) -> dict[str, int]:
    """In one transaction."""
    connection = search.connection
    connection.execute("begin transaction")
    try:
        removed = work(search, *arguments)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return removed


def _note(
    settings: Settings, erasure: Erasure, step: str, removed: Mapping[str, int], say: Say
) -> Erasure:
    """Keep what a step did, added to what it did before it was cut off."""
    before = erasure.steps.get(step, {})
    counts = {
        place: before.get(place, 0) + removed.get(place, 0) for place in sorted({*before, *removed})
    }
    erasure = erasure.model_copy(update={"steps": {**erasure.steps, step: counts}})
    write_erasure(settings.landing_zone, erasure)
    say(f"{step}: {sum(removed.values()):,} rows in {len(removed)} places")
    return erasure


def _rebuild(settings: Settings, as_of: datetime) -> list[str]:
    """Build every table of the models anew; returns those that failed. A warehouse in which
    nothing was built has nothing to be made anew."""
    nodes = manifest_properties(PROJECT, settings.home)["nodes"]
    with connect(settings, read_only=True) as connection:
        built = {
            (schema, name)
            for schema, name in connection.execute(
                "select schema_name, table_name from duckdb_tables()"
            ).fetchall()
        }
    wanted = [
        unique_id
        for unique_id, node in nodes.items()
        if node["resource_type"] == "model"
        and (node["schema"], node.get("alias") or node["name"]) in built
    ]
    if not wanted:
        return []
    results = build(wanted, settings, as_of)
    return [result.unique_id for result in results if not result.passed]
