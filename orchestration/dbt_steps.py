"""How the dbt project is cut into steps: by the set of sources a node depends on.

A model that reads Salesforce and the product, however indirectly, belongs to the step of
{product, salesforce}. Two steps never wait for each other (the sets of what a node reads are
subsets of its own), and a source that fails holds back exactly the steps whose set holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater.settings import SOURCES

BUILT = ("model", "seed", "snapshot")


@dataclass(frozen=True)
class DbtStep:
    """Nodes (unique ids, sorted) that run in one dbt command.

    ``name`` tells the sources they depend on (``sources``): ``dbt__product__salesforce``,
    ``dbt__seeds`` for those that read none, ``dbt__all_sources`` for those that read every source
    the project reads. ``tests`` read nothing outside ``nodes`` and what those are built from. A
    step without ``nodes`` only has tests (``dbt_tests__...``): those that compare models of
    several steps.
    """

    name: str
    sources: tuple[str, ...]
    nodes: tuple[str, ...]
    tests: tuple[str, ...]


class DbtGraph:
    """The nodes of a manifest and what they depend on."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self._nodes: Mapping[str, Any] = manifest["nodes"]
        self._source_names = {
            unique_id: source["source_name"] for unique_id, source in manifest["sources"].items()
        }
        self._reads: dict[str, frozenset[str]] = {}

    def steps(self) -> tuple[DbtStep, ...]:
        """All steps, fewer sources first."""
        nodes: dict[frozenset[str], list[str]] = {}
        for unique_id, node in self._nodes.items():
            if node["resource_type"] in BUILT:
                nodes.setdefault(self.reads(unique_id), []).append(unique_id)
        near, apart = self._tests(nodes)
        every = frozenset().union(*nodes)
        steps = [
            DbtStep(
                f"dbt__{_name(sources, every)}",
                _ordered(sources),
                tuple(sorted(ids)),
                tuple(sorted(near.get(sources, ()))),
            )
            for sources, ids in nodes.items()
        ]
        steps += [
            DbtStep(
                f"dbt_tests__{_name(sources, every)}", _ordered(sources), (), tuple(sorted(ids))
            )
            for sources, ids in apart.items()
        ]
        return tuple(sorted(steps, key=lambda step: (len(step.sources), step.sources, step.name)))

    def reads(self, unique_id: str) -> frozenset[str]:
        """The sources a node depends on. The landing engine's own books are no source."""
        if unique_id in self._source_names:
            return frozenset({self._source_names[unique_id]} & set(SOURCES))
        if unique_id not in self._reads:
            parents = (self.reads(parent) for parent in self.parents(unique_id))
            self._reads[unique_id] = frozenset().union(*parents)
        return self._reads[unique_id]

    def parents(self, unique_id: str) -> list[str]:
        """What a node names in ``ref`` and ``source``."""
        return list(self._nodes[unique_id]["depends_on"].get("nodes", []))

    def tested(self, test_id: str, among: tuple[str, ...]) -> str:
        """The one node that a test is shown on: where it was written, if that is in ``among``."""
        attached = self._nodes[test_id].get("attached_node")
        candidates = sorted(set(self.parents(test_id)) & set(among))
        return attached if attached in candidates else candidates[0]

    def _tests(
        self, nodes: Mapping[frozenset[str], list[str]]
    ) -> tuple[dict[frozenset[str], list[str]], dict[frozenset[str], list[str]]]:
        near: dict[frozenset[str], list[str]] = {}
        apart: dict[frozenset[str], list[str]] = {}
        reach = {sources: self._reach(ids) for sources, ids in nodes.items()}
        for unique_id, node in self._nodes.items():
            if node["resource_type"] != "test" or not self._built_parents(unique_id):
                continue
            sources = self.reads(unique_id)
            parents = set(self._built_parents(unique_id))
            home = nodes.get(sources, [])
            inside = bool(parents & set(home)) and parents <= reach[sources]
            (near if inside else apart).setdefault(sources, []).append(unique_id)
        return near, apart

    def _built_parents(self, test_id: str) -> list[str]:
        return [parent for parent in self.parents(test_id) if parent in self._nodes]

    def _reach(self, unique_ids: list[str]) -> set[str]:
        reached: set[str] = set()
        stack = list(unique_ids)
        while stack:
            unique_id = stack.pop()
            if unique_id not in reached and unique_id in self._nodes:
                reached.add(unique_id)
                stack.extend(self.parents(unique_id))
        return reached


def _name(sources: frozenset[str], every: frozenset[str]) -> str:
    if not sources:
        return "seeds"
    return "all_sources" if sources == every else "__".join(_ordered(sources))


def _ordered(sources: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in SOURCES if name in sources)
