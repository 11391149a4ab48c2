"""The routes of the local google."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette

from sandbox.clock import VirtualClock
from sandbox.faults import FaultPlan
from sandbox.vendors.google.store import Store


def create_app(
    store: Store, clock: VirtualClock, faults: FaultPlan, credentials: dict[str, Any]
) -> Starlette:
    """The app; its routes follow."""
    del store, clock, faults, credentials
    return Starlette(routes=[])
