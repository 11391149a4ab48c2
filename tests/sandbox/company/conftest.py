"""Small worlds, simulated once for all tests of the company."""

from __future__ import annotations

import pytest

from sandbox.company.world import World, simulate


@pytest.fixture(scope="session")
def world() -> World:
    """The smallest world, seed 7."""
    return simulate("xs", 7)
