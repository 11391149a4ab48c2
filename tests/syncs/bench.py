"""A model in a scratch warehouse and its sync into the memory destination."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.clock import FixedClock
from headwater.settings import Settings
from headwater.warehouse import connect
from syncs.definition import Definition
from syncs.run import RunResult, run
from tests.syncs.memory_destination import MemoryDestination


class QuietClock(FixedClock):
    """Stands still and does not wait."""

    def sleep(self, seconds: float) -> None:
        return


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


SYNC = a_definition()


def go(
    bench: Bench, destination: MemoryDestination | None, definition: Definition = SYNC
) -> RunResult:
    """Run the sync ``things`` on the bench into ``destination``, or that of its definition."""
    return run("things", bench.settings, bench.clock, "c1", definition=definition,
               destination=destination)  # fmt: skip
