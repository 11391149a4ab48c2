"""The official client, pointed at the served sandbox."""

from __future__ import annotations

import pytest
from hubspot import HubSpot

from sandbox.vendors.hubspot.store import Store
from tests.sandbox.conftest import Served


@pytest.fixture
def client(served: Served) -> HubSpot:
    return HubSpot(
        access_token=served.credentials["hubspot"]["access_token"], host=f"{served.url}/hubspot"
    )


@pytest.fixture
def store(served: Served) -> Store:
    return served.stores["hubspot"]
