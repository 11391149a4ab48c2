"""A model in a scratch warehouse and a destination in memory, for tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from headwater.clock import FixedClock
from headwater.errors import HeadwaterError, OutcomeUnknownError, VendorRejectedError
from headwater.settings import Settings
from headwater.warehouse import connect
from syncs.definition import Definition, Mode, Removal
from syncs.destination import (
    Batch,
    Capabilities,
    Change,
    Counts,
    Held,
    Operation,
    Outcome,
    RowResult,
)
from tests.sandbox.conftest import made_credentials, served  # noqa: F401 (fixtures)


class Killed(BaseException):
    """The process dies here."""


class QuietClock(FixedClock):
    """Stands still and does not wait."""

    def sleep(self, seconds: float) -> None:
        return


@dataclass
class MemoryDestination:
    """Records in a dict. Creates are not idempotent: each makes a new record, as a careless vendor
    would, so that duplicates show."""

    records: list[dict[str, Any]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    refuse_whole_batch: bool = False
    faults: list[str | None] = field(default_factory=list)
    calls: int = 0
    writes: int = 0
    sent_fields: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    name: str = "memory"
    capabilities: ClassVar[Capabilities] = Capabilities(
        frozenset(Mode), frozenset(Removal), reads_current=True
    )
    size: int = 3

    def check(self) -> None:
        return

    def batch_rows(self, rows: int) -> int:
        return self.size

    def least_calls(self, counts: Counts) -> int:
        return -(-counts.total // self.size)

    def current(self, changes: Sequence[Change], fields: Sequence[str]) -> Mapping[str, Held]:
        self.calls += 1
        return {
            record["key"]: Held(None, {name: record["fields"].get(name) for name in fields})
            for record in self.records
            if record["key"] in {change.key for change in changes}
        }

    def deliver(self, batch: Batch, remember: Callable[[str], None]) -> list[RowResult]:
        self.calls += 1
        fault = self.faults.pop(0) if self.faults else None
        if fault == "killed before":
            raise Killed
        if fault == "no connection":
            raise OutcomeUnknownError("memory: no answer.")
        if isinstance(fault, HeadwaterError):
            raise fault
        if self.refuse_whole_batch and any(c.key in self.refused for c in batch.changes):
            raise VendorRejectedError("memory: 400: bad row in the batch.", status=400)
        results = [self._apply(change) for change in batch.changes]
        if fault == "killed after":
            raise Killed
        if fault == "lost answer":
            raise OutcomeUnknownError("memory: sent, but no answer came.")
        return results

    def resolve(self, batch: Batch) -> list[RowResult]:
        self.calls += 1
        if self.faults and self.faults.pop(0) is not None:
            raise OutcomeUnknownError("memory: still no answer.")
        results = []
        for change in batch.changes:
            record = next((r for r in self.records if r["key"] == change.key), None)
            if change.operation is Operation.REMOVE:
                done = record is None
            else:
                done = record is not None and record["token_fields"] == (
                    change.token, dict(change.fields))  # fmt: skip
            results.append(
                RowResult(change.key, Outcome.DELIVERED if done else Outcome.UNSENT,
                          record["id"] if record and done else None)
            )  # fmt: skip
        return results

    def _apply(self, change: Change) -> RowResult:
        if change.key in self.refused:
            return RowResult(change.key, Outcome.REJECTED, code="INVALID", message="refused")
        self.writes += 1
        self.sent_fields.append((change.key, dict(change.fields)))
        if change.operation is Operation.REMOVE:
            self.records = [r for r in self.records if r["key"] != change.key]
            return RowResult(change.key, Outcome.DELIVERED)
        record: dict[str, Any] | None = None
        if change.operation is Operation.UPDATE:
            record = next(r for r in self.records if r["key"] == change.key)
        if record is None:
            record = {"key": change.key, "id": f"id-{len(self.records)}", "fields": {}}
            self.records.append(record)
        record["fields"].update(change.fields)
        record["token_fields"] = (change.token, dict(change.fields))
        return RowResult(change.key, Outcome.DELIVERED, record["id"])

    def state(self) -> dict[str, dict[str, Any]]:
        """The fields by key; fails if a key has two records."""
        keys = [record["key"] for record in self.records]
        assert len(keys) == len(set(keys)), f"duplicates: {sorted(keys)}"
        return {record["key"]: record["fields"] for record in self.records}


@dataclass
class Bench:
    """A scratch home with a model, to run syncs on."""

    settings: Settings
    clock: FixedClock

    def model(self, rows: Mapping[str, tuple[Any, ...]] | Sequence[tuple[Any, ...]],
              columns: str = "k varchar, a varchar, b double") -> None:  # fmt: skip
        """Replace the model ``things``; rows as {key: values} or as whole rows."""
        whole = [(k, *v) for k, v in rows.items()] if isinstance(rows, Mapping) else list(rows)
        with connect(self.settings) as connection:
            connection.execute("create schema if not exists activation")
            connection.execute(f"create or replace table activation.things ({columns})")
            if whole:
                marks = ", ".join("?" for _ in whole[0])
                connection.executemany(f"insert into activation.things values ({marks})", whole)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(
        Settings(home=tmp_path, warehouse_wait_seconds=0.3),
        QuietClock(datetime(2025, 8, 29, tzinfo=UTC)),
    )


def a_definition(**changes: Any) -> Definition:
    """A sync of the model ``things`` into the memory destination."""
    content: dict[str, Any] = {
        "name": "things",
        "description": "Things.",
        "owner": "nobody",
        "model": "things",
        "destination": "memory",
        "object": "thing",
        "key": {"column": "k", "field": "key"},
        "mode": "mirror",
        "fields": [{"column": "a", "field": "A"}, {"column": "b", "field": "B"}],
        "removal": {"action": "delete"},
        "guards": {"max_removed_share": 1.0, "allow_empty": True},
        **changes,
    }
    return Definition.model_validate(content)
