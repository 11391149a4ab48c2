"""How the tests are shared out among processes (``make test``: one per core)."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from tests.looked_up_once import know_what_is_absent
from tests.parsed_project import make_place

know_what_is_absent()


def pytest_configure(config: pytest.Config) -> None:
    make_place(config)
    # How long an example takes says how busy the machine is.
    settings.register_profile(
        "busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("busy machine")


DEAR_FIRST = (
    "tests/end_to_end",
    "tests/dbt",
    "tests/syncs/test_story.py",
    "tests/orchestration/test_backfill.py",
    "tests/orchestration/test_graph.py",
    "tests/sandbox/company",
)
"""Folders whose fixtures hold a built world, and files that take long: each is run whole by one
process, so that nothing is built twice, and they begin first, so that none is left for the end."""


def place(file: str) -> str:
    """What a test file is run together with: its dear folder, or nothing but itself."""
    path = PurePosixPath(file)
    return next((dear for dear in DEAR_FIRST if path.is_relative_to(dear)), file)


class ByPlace(LoadScopeScheduling):
    """The tests of a place go to one process, in their order; the next free one takes the next."""

    def _split_scope(self, nodeid: str) -> str:
        return place(nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByPlace:
    config.option.loadscopereorder = False
    return ByPlace(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        found = place(item.nodeid.partition("::")[0])
        return DEAR_FIRST.index(found) if found in DEAR_FIRST else len(DEAR_FIRST)

    items.sort(key=rank)
