"""What libraries look up again and again, and tests make them do thousands of times: once here.

Nothing is answered otherwise than without it; it is only answered sooner.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest


class Absent:
    """Finds at once that a package is absent.

    DuckDB tries to import pandas for every parameter that is bound. Where it is not installed,
    Python looks through the whole path each time: an eighth of what a sync of six rows costs.
    """

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> None:
        if name == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def know_what_is_absent() -> None:
    """For this process: pandas is absent, if it is."""
    if find_spec("pandas") is None:
        sys.meta_path.insert(0, Absent("pandas"))  # type: ignore[arg-type]


@pytest.fixture(scope="package", autouse=True)
def migrations_read_once() -> Iterator[None]:
    """Dagster reads the scripts of its migrations, some ninety modules, several times for each
    instance that is opened on a home; a folder of them is read once here."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    reads = ScriptDirectory.from_config
    known: dict[str, ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        folder = str(config.get_main_option("script_location"))
        if folder not in known:
            known[folder] = reads(config)
        return known[folder]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ScriptDirectory, "from_config", from_config)
        yield
