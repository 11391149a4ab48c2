"""Where syncs run in tests: a bench with a model, or the syncs of this repository."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headwater.settings import Settings
from tests.sandbox.conftest import Served, served  # noqa: F401 (fixtures)
from tests.state_places import state_place, state_server  # noqa: F401 (fixtures)
from tests.syncs.bench import Bench, QuietClock
from tests.syncs.world import World


@pytest.fixture
def bench(tmp_path: Path, state_place: Mapping[str, Any]) -> Bench:  # noqa: F811
    return Bench(
        Settings(home=tmp_path, warehouse_wait_seconds=0.3, **state_place),
        QuietClock(datetime(2025, 8, 29, tzinfo=UTC)),
    )


@pytest.fixture
def world(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:  # noqa: F811
    return World(served, tmp_path, monkeypatch)
