"""What every step of one run shares: its id, settings, clock and the moment it speaks of."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import dagster as dg

from connectors.land_ahead import LandAhead
from headwater.clock import Clock, clock_from
from headwater.settings import Settings, load
from orchestration.build_ahead import BuildAhead
from orchestration.dbt_process import places_for_dbt
from orchestration.deliver_ahead import DeliverAhead
from orchestration.lease import cycle_lease
from syncs.registry import enabled

progress = logging.getLogger("headwater.progress")
"""Where steps say what they do just now; the command line prints it, Dagster's log keeps it out."""


@dataclass
class Cycle:
    """One run over one Headwater home. ``as_of`` is fixed when the run starts.

    ``landing``: the sources of this run, from its first step on. ``landed``: those of them whose
    step ended well. ``built``: what dbt made in this run. ``delivering``: the syncs of this run.
    """

    cycle_id: str
    settings: Settings
    clock: Clock
    as_of: datetime
    landing: LandAhead | None = None
    landed: set[str] = field(default_factory=set)
    built: BuildAhead = field(default_factory=BuildAhead)
    delivering: DeliverAhead = field(init=False)

    def __post_init__(self) -> None:
        self.delivering = DeliverAhead(self.settings, self.clock, self.cycle_id, progress.info)

    def close(self) -> None:
        """End what runs ahead of the steps."""
        if self.landing is not None:
            self.landing.close()
        self.delivering.close()


@dg.resource(description="The cycle: settings read at its start, clock, as_of, and the lease.")
def cycle_resource(context: dg.InitResourceContext) -> Iterator[Cycle]:
    """Read the settings anew and hold the lease for as long as the run lasts."""
    settings = load(Settings)
    enabled(settings)  # a sync that is not known stops the run before it touches anything
    clock = clock_from(settings)
    cycle_id = context.run.run_id if context.run else "unsaved"
    with cycle_lease(settings, f"run {cycle_id}"), places_for_dbt(settings):
        cycle = Cycle(cycle_id, settings, clock, clock.now())
        try:
            yield cycle
        finally:
            cycle.close()
