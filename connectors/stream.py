"""Streams and sources: what a connector declares, and what the engine asks of it.

A stream is one kind of record of one source and becomes one raw table. Its declaration holds
everything the landing engine needs to know; the source behind it only fetches.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from connectors.contract import Column, Contract, columns
from connectors.rules import Rules, no_rules

if TYPE_CHECKING:
    from connectors.zone import Extracted, LoadFolder
    from headwater.clock import Clock


class Mode(StrEnum):
    """How a load meets the raw table."""

    MERGE = "merge"  # one row per key, the newest version
    APPEND = "append"  # facts that never change: one row per key, the first copy
    SNAPSHOT = "snapshot"  # every load is the whole; keys that are missing have vanished


@dataclass(frozen=True)
class Overlap:
    """How much of what was read already is read again, and why that much."""

    window: timedelta
    reason: str


@dataclass(frozen=True)
class Deletes:
    """How the source shows that a row is gone.

    ``seen_by`` says it in words. ``flag`` names the boolean column that is true for a row that is
    gone; ``at`` the column that says since when (without ``flag``: a row is gone once ``at`` is
    set). Neither: the source lists deleted keys apart, or the stream is a snapshot, or nothing is
    ever deleted.
    """

    seen_by: str
    flag: str | None = None
    at: str | None = None


@dataclass(frozen=True)
class Merges:
    """How the source shows that one record was merged into another.

    A landed row says so whose columns ``loser`` and ``winner`` both hold something; each pair of
    them becomes a row of ``landing.merges``. ``loser`` may hold several keys, as a JSON list or as
    text with semicolons between them. ``of`` names the stream whose keys they are, where the rows
    are those of another one (an activity log, say). ``seen_by`` says it in words.
    """

    seen_by: str
    loser: str
    winner: str
    of: str | None = None


NO_OVERLAP = Overlap(timedelta(0), "each load reads the whole")


@dataclass(frozen=True)
class Stream:
    """One stream.

    ``key`` and ``version`` are columns of the contract; ``version`` orders the copies of one key
    (the greatest of its columns counts). ``cursor`` names the column (or unit) the source is read
    along. ``ignored`` are dotted paths of fields that say nothing new: they are neither columns
    nor drift. ``rules`` gives what records must keep beyond their contract.
    """

    source: str
    name: str
    contract: type[Contract]
    mode: Mode
    key: tuple[str, ...]
    version: tuple[str, ...]
    cursor: str
    deletes: Deletes
    overlap: Overlap = NO_OVERLAP
    ignored: tuple[str, ...] = ()
    merges: Merges | None = None
    rules: Rules = no_rules

    @property
    def columns(self) -> tuple[Column, ...]:
        """The contract's columns in order."""
        return columns(self.contract)

    @property
    def schema(self) -> str:
        """The warehouse schema of the raw table."""
        return f"raw_{self.source}"

    @property
    def grain(self) -> str:
        """The first paragraph of the contract's docstring."""
        return " ".join((self.contract.__doc__ or "").split("\n\n")[0].split())


class Source(Protocol):
    """A connected source. ``concurrency`` says how many streams may be extracted at a time."""

    name: str
    streams: tuple[Stream, ...]
    concurrency: int

    def check(self) -> None:
        """Prove the credential and its rights by one cheap read, before anything is touched.

        Raises :class:`headwater.errors.CredentialError` naming the setting to look at.
        """
        ...

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """Write what changed since ``cursor`` (all of it without one) into ``folder``."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
