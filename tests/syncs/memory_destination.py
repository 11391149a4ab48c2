"""A destination in memory, for tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from headwater.errors import HeadwaterError, OutcomeUnknownError, VendorRejectedError
from syncs.definition import Mode, Removal
from syncs.destination import (
    Batch,
    Capabilities,
    Change,
    Counts,
    FieldInfo,
    Held,
    Operation,
    Outcome,
    RowResult,
)


class Killed(BaseException):
    """The process dies here."""


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
    capabilities: ClassVar[Capabilities] = Capabilities(frozenset(Mode), frozenset(Removal))
    size: int = 3
    described: dict[str, FieldInfo] | None = None

    def check(self) -> Mapping[str, FieldInfo] | None:
        return self.described

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
