"""dbt models and seeds as assets, dbt tests as their checks, one Dagster step per dbt step."""

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

from headwater.warehouse import connect
from orchestration.cycle import Cycle, progress
from orchestration.dbt_process import PROJECT, NodeResult, build, manifest_properties
from orchestration.dbt_steps import DbtGraph, DbtStep
from orchestration.failures import as_step_failure
from orchestration.keys import CYCLE_POOL, relation_key
from orchestration.unchanged import UNCHANGED, Definitions, remember, unchanged

Event = dg.MaterializeResult[Any] | dg.AssetCheckResult


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
        return "_".join(part for part in dbt_resource_props["fqn"][1:-1] if part.isidentifier())

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The description, without the SQL: that is one click away and makes the graph heavy."""
        return str(dbt_resource_props.get("description") or "")


def dbt_assets(
    home: Path, project: Path = PROJECT
) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """One definition per dbt step of the project, which is parsed here."""
    manifest = manifest_properties(project, home)
    graph = DbtGraph(manifest)
    translator = Translator()
    definitions = Definitions(manifest, project)
    return [
        _Step(step, manifest, graph, translator, definitions).definition() for step in graph.steps()
    ]


class _Step:
    """One dbt step and its Dagster definition."""

    def __init__(
        self,
        step: DbtStep,
        manifest: Mapping[str, Any],
        graph: DbtGraph,
        translator: Translator,
        definitions: Definitions,
    ) -> None:
        self._name = step.name
        self._definitions = definitions
        self._nodes = manifest["nodes"]
        self._specs = {
            unique_id: translator.get_asset_spec(manifest, unique_id, None)
            for unique_id in step.nodes
        }
        self._asset_keys = {spec.key: unique_id for unique_id, spec in self._specs.items()}
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
        self._check_keys = {spec.key: unique_id for unique_id, spec in self._checks.items()}

    def definition(self) -> dg.AssetsDefinition | dg.AssetChecksDefinition:
        """The multi-asset of this step, or its checks where it builds nothing."""
        if not self._specs:

            @dg.multi_asset_check(
                name=self._name,
                specs=list(self._checks.values()),
                can_subset=True,
                required_resource_keys={"cycle"},
                pool=CYCLE_POOL,
            )
            def checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
                for event in self._run(
                    context.resources.cycle, set(), context.selected_asset_check_keys
                ):
                    assert isinstance(event, dg.AssetCheckResult)  # noqa: S101
                    yield event

            return checks

        @dg.multi_asset(
            name=self._name,
            specs=list(self._specs.values()),
            check_specs=list(self._checks.values()),
            can_subset=True,
            required_resource_keys={"cycle"},
            pool=CYCLE_POOL,
        )
        def assets(context: dg.AssetExecutionContext) -> Iterator[Event]:
            yield from self._run(
                context.resources.cycle,
                context.selected_asset_keys,
                context.selected_asset_check_keys,
            )

        return assets

    def _run(
        self, cycle: Cycle, keys: set[dg.AssetKey], checks: set[dg.AssetCheckKey]
    ) -> Iterator[Event]:
        wanted = [self._asset_keys[key] for key in keys] + [self._check_keys[key] for key in checks]
        # dbt, which opens the same file, shares this connection's database: to open a large
        # warehouse takes longer than most commands have work.
        with as_step_failure(), connect(cycle.settings) as connection:
            kept = unchanged(connection, self._definitions, wanted)
            to_build = sorted(set(wanted) - kept)
            results = [_kept(self._nodes[unique_id]) for unique_id in sorted(kept)]
            if to_build:
                results += build(
                    to_build, cycle.settings, cycle.as_of, project=self._definitions.project
                )
            remember(connection, self._definitions, self._made_well(results))
            rows = _row_counts(connection)
        for result in self._parents_first(results):
            event = self._event(result, rows)
            if event is not None:
                yield event
        bad = [result for result in results if not result.passed]
        seconds = sum(result.seconds for result in results)
        progress.info(
            "%s: %d nodes, %d not passed, %.1f s of work",
            self._name,
            len(results),
            len(bad),
            seconds,
        )
        if bad:
            raise self._failure(bad)

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

    def _made_well(self, results: list[NodeResult]) -> list[str]:
        """What was made just now, and which seeds of it no test found fault with."""
        doubted = {
            parent
            for result in results
            if not result.passed or result.status == "warn"
            for parent in self._nodes[result.unique_id]["depends_on"].get("nodes", [])
            if self._nodes.get(parent, {}).get("resource_type") == "seed"
        }
        return [
            result.unique_id
            for result in results
            if result.passed and result.message != UNCHANGED and result.unique_id not in doubted
        ]

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


def _kept(node: Mapping[str, Any]) -> NodeResult:
    status = "pass" if node["resource_type"] == "test" else "success"
    return NodeResult(node["unique_id"], status, UNCHANGED, 0, 0.0)


def _row_counts(connection: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], int]:
    """Rows per table as DuckDB's catalog knows them: (schema, table) to count."""
    found = connection.execute(
        "select schema_name, table_name, estimated_size from duckdb_tables()"
    ).fetchall()
    return {(schema, table): int(count) for schema, table, count in found}
