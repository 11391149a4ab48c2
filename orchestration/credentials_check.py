"""Proves every setting and credential that a cycle needs, before a cycle needs it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from connectors.registry import open_source
from headwater.errors import HeadwaterError
from headwater.settings import Settings
from syncs.registry import enabled
from syncs.run import check as check_sync


@dataclass(frozen=True)
class Finding:
    """One system: ``source mixpanel`` or ``sync hubspot__overage_campaign``."""

    system: str
    problem: str
    next_step: str

    @property
    def fine(self) -> bool:
        """Whether the credential and its rights are there."""
        return not self.problem


def check_everything(
    settings: Settings, on_finding: Callable[[Finding], None] = lambda _: None
) -> list[Finding]:
    """Check the sources and syncs that are switched on; reads, never writes."""
    asked: list[tuple[str, Callable[[], None]]] = [
        (f"source {name}", lambda name=name: _check_source(name, settings))  # type: ignore[misc]
        for name in settings.sources
    ]
    asked += [
        (f"sync {item.name}", lambda name=item.name: check_sync(name, settings))  # type: ignore[misc]
        for item in enabled(settings)
    ]
    findings = []
    for system, check in asked:
        finding = _finding(system, check)
        on_finding(finding)
        findings.append(finding)
    return findings


def _check_source(name: str, settings: Settings) -> None:
    with closing(open_source(name, settings)) as source:
        source.check()


def _finding(system: str, check: Callable[[], None]) -> Finding:
    try:
        check()
    except HeadwaterError as error:
        return Finding(system, error.what, error.next_step)
    return Finding(system, "", "")
