"""Headwater's own settings, and how all settings are read: by pydantic-settings, from the
environment and from ``.env``.

Each outside system has a group of its own in :mod:`headwater.system_settings`. ``.env.example``
explains each setting with its unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headwater.errors import SettingsError

SOURCES = (
    "product",
    "mixpanel",
    "salesforce",
    "hubspot",
    "crunchbase",
    "exclusions_sheet",
    "outreach",
    "event_files",
    "app_intelligence",
    "web_rank",
    "support",
    "billing",
    "marketo",
)
"""The names of all sources, as used in ``HEADWATER_SOURCES``."""


DESTINATIONS = (
    "salesforce",
    "hubspot",
    "launchdarkly",
    "outreach",
    "mixpanel",
    "product",
    "files",
    "webhook",
    "marketo",
    "google_sheets",
)
"""The names of all destinations, as used in ``HEADWATER_DAILY_DELIVERIES``."""
DELIVERY_KINDS = ("calls", "rows", "creates", "removes")

NOTHING = "none"
"""The word that leaves a list of sources or syncs empty; an empty value counts as not set."""


class SettingsGroup(BaseSettings):
    """Base of all groups: reads ``.env`` beside the process, ignores what other groups own."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )


class Settings(SettingsGroup):
    """Where things are kept and how the engine behaves (prefix ``HEADWATER_``).

    ``syncs`` is None where all syncs may write, and empty where none may. ``daily_calls`` maps a
    source to the most HTTP calls that reading it may take in a UTC day, ``daily_deliveries`` maps
    ``destination.kind`` to the most calls, rows, creates or removes of a UTC day.
    """

    model_config = SettingsConfigDict(env_prefix="HEADWATER_")

    home: Path = Path("var")
    warehouse_path: Path | None = None
    as_of: datetime | None = None
    sources: Annotated[tuple[str, ...], NoDecode] = SOURCES
    syncs: Annotated[tuple[str, ...] | None, NoDecode] = None
    sync_state_url: SecretStr | None = None
    sync_state_schema: str = Field(default="headwater", pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    duckdb_memory_limit: str | None = None
    landing_memory_limit: str = "1GB"
    sources_at_a_time: int = Field(default=4, ge=1, le=32)
    destinations_at_a_time: int = Field(default=4, ge=1, le=32)
    keep_loads_days: int | None = Field(default=None, ge=0)
    erasure_secret: SecretStr | None = None
    duckdb_threads: int | None = Field(default=None, ge=1)
    warehouse_wait_seconds: float = Field(default=60.0, ge=0)
    http_timeout_seconds: float = Field(default=60.0, gt=0)
    http_retries: int = Field(default=5, ge=0, le=20)
    daily_calls: Annotated[dict[str, int] | None, NoDecode] = None
    daily_deliveries: Annotated[dict[str, int] | None, NoDecode] = None
    history_start: date = date(2024, 1, 1)
    dagster_url: str = "http://127.0.0.1:3000"
    dagster_storage_url: SecretStr | None = None
    schedules_on: bool = False
    step_retries: int = Field(default=2, ge=0, le=10)
    step_retry_seconds: float = Field(default=15.0, ge=0)
    marketing_workflows_start: time = time(9, 0)
    stale_after_hours: float = Field(default=26.0, gt=0)
    quarantine_warning_days: int = Field(default=7, ge=0)
    cycle_budget_minutes: int = Field(default=15, ge=1, le=600)

    @field_validator("sources", "syncs", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            names = tuple(part.strip() for part in value.split(",") if part.strip())
            if NOTHING in names and len(names) > 1:
                raise ValueError(f"{NOTHING} stands alone: it means that nothing is chosen")
            return () if names == (NOTHING,) else names
        return value

    @field_validator("sources")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in SOURCES]
        if unknown:
            raise ValueError(f"unknown source {', '.join(unknown)}; known: {', '.join(SOURCES)}")
        return value

    @field_validator("sync_state_url")
    @classmethod
    def _postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            scheme, _, rest = value.get_secret_value().partition("://")
            if scheme not in ("postgresql", "postgres") or not rest:
                raise ValueError("only postgresql://user:password@host:5432/database is known")
        return value

    @field_validator("daily_calls", mode="before")
    @classmethod
    def _calls(cls, value: object) -> object:
        return _numbers(value, SOURCES, "source=calls, such as salesforce=50000")

    @field_validator("daily_deliveries", mode="before")
    @classmethod
    def _deliveries(cls, value: object) -> object:
        known = [f"{name}.{kind}" for name in DESTINATIONS for kind in DELIVERY_KINDS]
        return _numbers(value, known, "destination.kind=number, such as salesforce.creates=500")

    @field_validator("as_of")
    @classmethod
    def _utc(cls, value: datetime | None) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.warehouse_path or self.home / "warehouse.duckdb"

    @property
    def landing_zone(self) -> Path:
        """The folder of landed files: the history of every source, replayable."""
        return self.home / "landing"

    @property
    def sync_state(self) -> Path:
        """The folder of sync state: what each destination last acknowledged, and the outbox."""
        return self.home / "syncs"

    @property
    def sync_audit(self) -> Path:
        """The folder of the audit of syncs: a file per sync and run."""
        return self.sync_state / "audit"


def _numbers(value: object, known: Sequence[str], form: str) -> object:
    """``name=number,...`` as a dict; anything but text is left as it is."""
    if not isinstance(value, str):
        return value
    allowed = {}
    for part in value.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        if name not in known or not number.isdecimal():
            raise ValueError(
                f"{part.strip()!r} is not of the form {form}; known: {', '.join(known)}"
            )
        allowed[name] = int(number)
    return allowed


Group = TypeVar("Group", bound=SettingsGroup)


def load(group: type[Group]) -> Group:
    """Read one settings group.

    Raises :class:`SettingsError` naming every missing or malformed setting by its environment
    variable. Values are never repeated: a malformed secret stays secret.
    """
    try:
        return group()
    except ValidationError as error:
        prefix = str(group.model_config.get("env_prefix", ""))
        problems = []
        for item in error.errors(include_input=False, include_context=False, include_url=False):
            name = prefix + str(item["loc"][0]).upper()
            reason = "is missing" if item["type"] == "missing" else f"is malformed: {item['msg']}"
            problems.append(f"{name} {reason}")
        raise SettingsError(
            "; ".join(problems) + ".",
            next_step="Set it in the environment or in .env; .env.example explains each setting.",
        ) from None
