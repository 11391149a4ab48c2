"""Dagster's migrations are read once for all tests here."""

from tests.looked_up_once import migrations_read_once

__all__ = ["migrations_read_once"]
