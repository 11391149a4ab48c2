"""dbt in this process: exactly the chosen nodes, the file let go of, errors in words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from headwater.errors import DefinitionError, WarehouseBusyError
from headwater.settings import Settings
from orchestration.dbt_process import build, places_for_dbt
from tests.orchestration.small_project import write_project

MODELS = {
    "moment": "select cast('{{ var(\"as_of\") }}' as timestamp) as said_at",
    "later": "select said_at + interval 1 day as said_at from {{ ref('moment') }}",
    "broken": "select 1 / 'x' as nothing, said_at from {{ ref('moment') }}",
    "after_broken": "select * from {{ ref('broken') }}",
}
FIRST = datetime(2025, 8, 29, tzinfo=UTC)
SECOND = datetime(2025, 8, 30, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # a folder with the name of a model: names alone would choose what lies in it
    paths = {name: f"moment/{name}" if name == "later" else name for name in MODELS}
    models = {paths[name]: text for name, text in MODELS.items()}
    return write_project(tmp_path_factory.mktemp("project"), models)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"), warehouse_wait_seconds=0)


def node(name: str) -> str:
    return f"model.small.{name}"


def test_exactly_the_chosen_nodes_run_as_of_the_given_moment(project, settings) -> None:
    for as_of in (FIRST, SECOND):
        results = build([node("moment")], settings, as_of, project=project)
        assert [(r.unique_id, r.status) for r in results] == [(node("moment"), "success")]
        with duckdb.connect(str(settings.warehouse)) as connection:
            assert connection.execute("select said_at from main.moment").fetchone() == (
                as_of.replace(tzinfo=None),
            )


def test_ctrl_c_ends_a_build_and_is_not_taken_for_a_fault_of_the_project(project, settings) -> None:
    def press(_unique_id: str, _status: str) -> None:
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    # A shell has what it runs in the background ignore Ctrl-C, and these tests with it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            build([node("moment"), node("later")], settings, FIRST, project=project, on_node=press)
    finally:
        signal.signal(signal.SIGINT, before)
    with duckdb.connect(str(settings.warehouse)):
        pass  # the file is free again


def test_what_threads_share_stays_as_it_is_while_dbt_works(
    project, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with places_for_dbt(settings):
        with monkeypatch.context() as patched:
            for change in ("putenv", "unsetenv", "chdir"):
                patched.setattr(os, change, lambda *_, change=change: pytest.fail(change))
            build([node("moment")], settings, FIRST, project=project)
        assert os.environ["HEADWATER_WAREHOUSE_PATH"] == str(settings.warehouse)
    assert "HEADWATER_WAREHOUSE_PATH" not in os.environ


def test_another_process_may_write_the_file_afterwards(project, settings) -> None:
    build([node("moment"), node("later")], settings, FIRST, project=project)
    code = f"import duckdb; duckdb.connect({str(settings.warehouse)!r}).execute('select 1')"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_broken_model_is_a_result_and_what_depends_on_it_is_skipped(project, settings) -> None:
    heard: list[tuple[str, str]] = []
    chosen = [node(name) for name in MODELS]
    results = build(
        chosen,
        settings,
        FIRST,
        project=project,
        on_node=lambda name, how: heard.append((name, how)),
    )
    found = {r.unique_id: r.status for r in results}
    assert found == {
        node("moment"): "success",
        node("later"): "success",
        node("broken"): "error",
        node("after_broken"): "skipped",
    }
    assert dict(heard).keys() >= {node("moment"), node("later"), node("broken")}
    (broken,) = [r for r in results if r.unique_id == node("broken")]
    assert not broken.passed
    assert "x" in broken.message


def test_a_project_that_does_not_parse_says_why(tmp_path: Path) -> None:
    write_project(tmp_path, {"lost": "select * from {{ ref('nobody') }}"})
    with pytest.raises(DefinitionError, match="nobody"):
        build([node("lost")], Settings(home=tmp_path), FIRST, project=tmp_path)


def test_a_held_file_is_told_with_its_holder(project, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, warehouse_wait_seconds=0)
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); "
        "sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(settings.warehouse)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(WarehouseBusyError, match=str(other.pid)):
            build([node("moment")], settings, FIRST, project=project)
    finally:
        other.communicate()
