"""The sandbox's servers for the connectors, and their settings."""

from __future__ import annotations

from tests.sandbox.conftest import Served, served

__all__ = ["Served", "served"]
