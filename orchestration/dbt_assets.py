"""dbt models and seeds as assets, dbt tests as their checks, one Dagster step per dbt step."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from orchestration.cycle import Cycle, progress
from orchestration.dbt_process import PROJECT, NodeResult, manifest_properties
from orchestration.dbt_steps import DbtGraph, DbtStep
from orchestration.failures import as_step_failure
from orchestration.keys import CYCLE_POOL, relation_key
from orchestration.source_assets import begin_landing, sources_of_run
from orchestration.sync_assets import begin_delivering
from orchestration.unchanged import Definitions

Event = dg.MaterializeResult[Any] | dg.AssetCheckResult
Key = dg.AssetKey | dg.AssetCheckKey
WHILE_VENDORS_ANSWER = {"dagster/priority": "2"}
"""Comes before everything else: it waits for nothing, and vendors are asked meanwhile."""


class Translator(DagsterDbtTranslator):
    """Names and groups dbt nodes as the rest of the graph does."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_asset_checks=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Schema and name: a dbt source has the key of the stream that lands it."""
        return relation_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The folder: ``staging_product``, ``marts_growth``, ``seeds``."""
        if dbt_resource_props["resource_type"] == "seed":
            return "seeds"
        folders = [part for part in dbt_resource_props["fqn"][1:-1] if part.isidentifier()]
        return "_".join(folders) or None

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The description, without the SQL: that is one click away and makes the graph heavy."""
        return str(dbt_resource_props.get("description") or "")


def dbt_assets(
    home: Path, project: Path = PROJECT
) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """One definition per dbt step of the project, which is parsed here."""
    manifest = manifest_properties(project, home)
    parsed = _Project(manifest, DbtGraph(manifest), Translator(), Definitions(manifest, project))
    for step in parsed.graph.steps():
        parsed.steps.append(_Step(step, parsed))
    return [step.definition() for step in parsed.steps]


@dataclass(frozen=True)
class _Project:
    """The dbt project, as all steps see it."""

    manifest: Mapping[str, Any]
    graph: DbtGraph
    translator: Translator
    definitions: Definitions
    steps: list["_Step"] = field(default_factory=list)


class _Step:
    """One dbt step and its Dagster definition."""

    def __init__(self, step: DbtStep, project: _Project) -> None:
        manifest, graph, translator = project.manifest, project.graph, project.translator
        self.name = step.name
        self.sources = step.sources
        self._project = project
        self._nodes = manifest["nodes"]
        self._specs = {
            unique_id: translator.get_asset_spec(manifest, unique_id, None)
            for unique_id in step.nodes
        }
        self._checks = {}
        for unique_id in step.tests:
            shown_on = graph.tested(unique_id, step.nodes or tuple(graph.parents(unique_id)))
            asset = translator.get_asset_spec(manifest, shown_on, None)
            check = translator.get_asset_check_spec(asset, manifest, unique_id, None)
            if check is not None:
                parents = (
                    translator.get_asset_spec(manifest, node, None).key
                    for node in graph.parents(unique_id)
                )
                self._checks[unique_id] = dg.AssetCheckSpec(
                    name=check.name,
                    asset=asset.key,
                    description=check.description,
                    metadata={"severity": self._nodes[unique_id]["config"]["severity"]},
                    additional_deps=(
                        [key for key in parents if key != asset.key] if not step.nodes else None
                    ),
                )
        self._keys: dict[str, Key] = {
            unique_id: spec.key for unique_id, spec in (self._specs | self._checks).items()
        }

    def definition(self) -> dg.AssetsDefinition | dg.AssetChecksDefinition:
        """The multi-asset of this step, or its checks where it builds nothing."""
        if not self._specs:

            @dg.multi_asset_check(
                name=self.name,
                specs=list(self._checks.values()),
                can_subset=True,
                required_resource_keys={"cycle"},
                pool=CYCLE_POOL,
            )
            def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
                for event in self._run(context.op_execution_context, context.resources.cycle):
                    assert isinstance(event, dg.AssetCheckResult)  # noqa: S101
                    yield event

            return checks

        @dg.multi_asset(
            name=self.name,
            specs=list(self._specs.values()),
            check_specs=list(self._checks.values()),
            can_subset=True,
            required_resource_keys={"cycle"},
            pool=CYCLE_POOL,
            op_tags=None if self.sources else WHILE_VENDORS_ANSWER,
        )
        def assets(context: dg.AssetExecutionContext) -> Iterator[Event]:
            cycle: Cycle = context.resources.cycle
            if not self.sources:
                begin_landing(context.op_execution_context, cycle)
            yield from self._run(context.op_execution_context, cycle)

        return assets

    def _run(self, context: dg.OpExecutionContext, cycle: Cycle) -> Iterator[Event]:
        wanted = self.wanted(_chosen(context))
        if not cycle.built.has(wanted):
            with as_step_failure():
                cycle.built.build(
                    [*wanted, *self._wanted_of_others(context, cycle)],
                    self._project.definitions,
                    cycle.settings,
                    cycle.as_of,
                    progress.info,
                )
            begin_delivering(context, cycle, self._made_well(context, cycle))
        results = cycle.built.results(wanted)
        for result in self._parents_first(results):
            event = self._event(result, cycle.built.rows)
            if event is not None:
                yield event
        bad = [result for result in results if not result.passed]
        seconds = sum(result.seconds for result in results)
        progress.info(
            "%s: %d nodes, %d not passed, %.1f s of work",
            self.name,
            len(results),
            len(bad),
            seconds,
        )
        if bad:
            raise self._failure(bad)

    def wanted(self, chosen: Set[Key]) -> list[str]:
        """The nodes of this step that are among the chosen ones."""
        return [unique_id for unique_id, key in self._keys.items() if key in chosen]

    def _wanted_of_others(self, context: dg.OpExecutionContext, cycle: Cycle) -> list[str]:
        """The chosen nodes of the run's dbt steps that no source holds back, or still may."""
        steps = context.run.step_keys_to_execute
        missing = sources_of_run(context).keys() - cycle.landed
        return [
            unique_id
            for step in self._project.steps
            if (not steps or step.name in steps) and missing.isdisjoint(step.sources)
            for unique_id in step.wanted(_chosen(context))
        ]

    def _made_well(self, context: dg.OpExecutionContext, cycle: Cycle) -> set[dg.AssetKey]:
        """The assets of the run's dbt steps that had their turn without a fault."""
        chosen = _chosen(context)
        made: set[dg.AssetKey] = set()
        for step in self._project.steps:
            wanted = step.wanted(chosen)
            if cycle.built.has(wanted) and all(r.passed for r in cycle.built.results(wanted)):
                made.update(spec.key for spec in step._specs.values() if spec.key in chosen)
        return made

    def _parents_first(self, results: list[NodeResult]) -> list[NodeResult]:
        """The order that Dagster asks for; what was kept may read what was made."""
        by_id = {result.unique_id: result for result in results}
        order = TopologicalSorter(
            {
                unique_id: by_id.keys() & self._nodes[unique_id]["depends_on"].get("nodes", [])
                for unique_id in by_id
            }
        )
        return [by_id[unique_id] for unique_id in order.static_order()]

    def _event(self, result: NodeResult, rows: Mapping[tuple[str, str], int]) -> Event | None:
        if result.unique_id in self._checks:
            spec = self._checks[result.unique_id]
            return dg.AssetCheckResult(
                passed=result.status == "pass",
                asset_key=spec.asset_key,
                check_name=spec.name,
                severity=(
                    dg.AssetCheckSeverity.WARN
                    if result.status == "warn"
                    else dg.AssetCheckSeverity.ERROR
                ),
                metadata={"rows_found": result.failures or 0, "message": result.message},
            )
        if not result.passed:
            return None
        node = self._nodes[result.unique_id]
        count = rows.get((node["schema"], node.get("alias") or node["name"]))
        metadata: dict[str, Any] = {
            "seconds": round(result.seconds, 3),
            "file": node["original_file_path"],
        }
        if count is not None:
            metadata["dagster/row_count"] = count
        return dg.MaterializeResult(asset_key=self._specs[result.unique_id].key, metadata=metadata)

    def _failure(self, bad: list[NodeResult]) -> dg.Failure:
        told = [result for result in bad if result.status != "skipped"]
        lines = [
            f"{self._nodes[result.unique_id]['name']}: {result.status}: {result.message.strip()}"
            for result in told[:20]
        ]
        skipped = len(bad) - len(told)
        if skipped:
            lines.append(f"{skipped} nodes that depend on them were skipped.")
        return dg.Failure(
            description="\n".join(lines),
            metadata={
                "next_step": "cd dbt_project && dbt build --select "
                + " ".join(self._nodes[result.unique_id]["name"] for result in told[:5])
            },
            allow_retries=False,
        )


def _chosen(context: dg.OpExecutionContext) -> set[Key]:
    """The assets and checks that the run is to make."""
    parts = context.job_def.asset_layer.data
    return {key for part in parts for key in part.assets_def.asset_and_check_keys}
