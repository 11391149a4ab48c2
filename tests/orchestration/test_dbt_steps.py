"""The cut of the dbt project: exactly what depends on a failed source is held back."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.settings import SOURCES
from orchestration.dbt_steps import DbtGraph

TABLES = {f"source.headwater.{name}.rows": {"source_name": name} for name in SOURCES}


def manifest(
    models: dict[str, list[str]], tests: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    """Models and tests by name, each with the unique ids it reads."""
    nodes: dict[str, Any] = {
        name: {"resource_type": "model", "depends_on": {"nodes": parents}}
        for name, parents in models.items()
    }
    nodes |= {
        name: {
            "resource_type": "test",
            "depends_on": {"nodes": parents},
            "attached_node": parents[0],
        }
        for name, parents in (tests or {}).items()
    }
    nodes["seed"] = {"resource_type": "seed", "depends_on": {}}
    books = {"source.headwater.landing.loads": {"source_name": "landing"}}
    return {"nodes": nodes, "sources": TABLES | books}


def source(name: str) -> str:
    return f"source.headwater.{name}.rows"


@st.composite
def projects(draw: st.DrawFn) -> dict[str, list[str]]:
    """Random acyclic projects: a model reads sources, the seed and earlier models."""
    models: dict[str, list[str]] = {}
    for number in range(draw(st.integers(1, 12))):
        readable = [*TABLES, "seed", *models]
        models[f"m{number}"] = draw(st.lists(st.sampled_from(readable), max_size=3, unique=True))
    return models


@given(projects())
@settings(max_examples=150, deadline=None)
def test_a_step_waits_only_for_steps_whose_sources_are_among_its_own(models) -> None:
    graph = DbtGraph(manifest(models))
    step_of = {node: step for step in graph.steps() for node in step.nodes}
    assert set(step_of) == {*models, "seed"}
    for name, parents in models.items():
        for parent in parents:
            if parent in step_of and step_of[parent] is not step_of[name]:
                assert set(step_of[parent].sources) < set(step_of[name].sources)


@given(projects(), st.sampled_from(SOURCES))
@settings(max_examples=150, deadline=None)
def test_a_failed_source_holds_back_exactly_its_dependants(models, failed) -> None:
    graph = DbtGraph(manifest(models))

    def depends(name: str) -> bool:
        return name == source(failed) or any(depends(parent) for parent in models.get(name, []))

    held = {node for step in graph.steps() if failed in step.sources for node in step.nodes}
    assert held == {name for name in models if depends(name)}


def test_a_test_runs_where_everything_it_reads_is_built() -> None:
    graph = DbtGraph(
        manifest(
            {
                "users": [source("product")],
                "leads": [source("salesforce")],
                "people": ["users", "leads"],
            },
            {
                "unique_people": ["people"],
                "people_to_users": ["people", "users"],
                "users_to_leads": ["users", "leads"],
                "only_a_source": [source("product")],
            },
        )
    )
    steps = {step.name: step for step in graph.steps()}
    both = steps["dbt__all_sources"]
    assert both.tests == ("people_to_users", "unique_people")
    everything = [test for step in graph.steps() for test in step.tests]
    assert sorted(everything) == ["people_to_users", "unique_people", "users_to_leads"]
    assert graph.tested("people_to_users", both.nodes) == "people"


def test_a_comparison_of_two_branches_is_a_step_of_its_own() -> None:
    graph = DbtGraph(
        manifest(
            {"users": [source("product")], "leads": [source("salesforce")]},
            {"users_to_leads": ["users", "leads"]},
        )
    )
    apart = [step for step in graph.steps() if not step.nodes]
    assert [(step.name, step.tests) for step in apart] == [
        ("dbt_tests__all_sources", ("users_to_leads",))
    ]


def test_the_landing_engines_books_hold_nothing_back() -> None:
    graph = DbtGraph(manifest({"quarantined": ["source.headwater.landing.loads"]}))
    (step,) = graph.steps()
    assert (step.sources, step.nodes) == ((), ("quarantined", "seed"))
