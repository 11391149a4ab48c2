"""The sandbox's servers for the connectors, their settings, and an empty warehouse to land in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.streams_under_test import Shop
from tests.sandbox.conftest import Served, served

__all__ = ["Served", "served"]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)
