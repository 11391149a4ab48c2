"""One xs company, served for all tests here, and the first cycle on it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from headwater.settings import Settings, load
from orchestration.graph import build_definitions
from orchestration.run_cycle import Outcome
from sandbox import living
from sandbox.demo import one_cycle, served
from tests.looked_up_once import migrations_read_once
from tests.parsed_project import bring, keep

__all__ = ["migrations_read_once"]


@dataclass
class World:
    """A served company, the graph on it, and what its first cycle did."""

    url: str
    company: Path
    definitions: dg.Definitions
    first: Outcome

    def cycle(self) -> Outcome:
        """One more cycle, as the demo runs it."""
        return one_cycle(self.company, self.definitions).outcome


# Ends with this package: the settings of its world are in the environment, which other tests share.
@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("home")
    before = dict(os.environ)
    os.environ.update(
        HEADWATER_HOME=str(home),
        HEADWATER_STEP_RETRIES="0",
        HEADWATER_HTTP_RETRIES="1",
        SANDBOX_PORT=str(_free_port()),
        SANDBOX_POSTGRES_PORT=str(_free_port()),
    )
    try:
        company = home / "sandbox"
        living.build(company, "xs", 7, lambda _: None)
        bring(home)
        definitions = build_definitions(load(Settings))
        keep(home)
        with served(company) as url:
            yield World(url, company, definitions, one_cycle(company, definitions).outcome)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
