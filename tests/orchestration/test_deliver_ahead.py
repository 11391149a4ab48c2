"""Chains of syncs: side by side where their destinations differ, in turn where they share one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from headwater.clock import FixedClock
from headwater.errors import DefinitionError, RetryableError
from headwater.settings import Settings
from orchestration import deliver_ahead
from orchestration.cycle import Cycle
from orchestration.deliver_ahead import DeliverAhead
from orchestration.keys import sync_key
from orchestration.sync_assets import begin_delivering, chains, step_name
from syncs.definition import Definition
from syncs.delivery import Progress
from syncs.registry import definition, definitions
from syncs.run import RunResult
from syncs.state import RunStatus

WAIT = 10.0
NOON = datetime(2025, 8, 29, 12, tzinfo=UTC)
SALESFORCE = definition("salesforce__lead_scores")
SALESFORCE_TOO = definition("salesforce__account_scores")
HUBSPOT = definition("hubspot__overage_campaign")
Deliver = Callable[[str, Progress], RunStatus]


def clean(_name: str, _tell: Progress) -> RunStatus:
    return RunStatus.CLEAN


class Engine:
    """In the place of the sync engine: what each sync does is a function."""

    def __init__(self) -> None:
        self.does: dict[str, Deliver] = {}
        self.runs: list[str] = []

    def run(
        self, name: str, _settings: Any, _clock: Any, _cycle: str, *, on_progress: Progress
    ) -> RunResult:
        self.runs.append(name)
        return RunResult(name, "run", self.does.get(name, clean)(name, on_progress))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(deliver_ahead, "run", engine.run)
    return engine


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def delivering(settings: Settings, engine: Engine) -> Iterator[DeliverAhead]:
    with closing(DeliverAhead(settings, FixedClock(NOON), "cycle", lambda _: None)) as delivering:
        yield delivering


def test_a_chain_begins_when_the_models_of_all_its_syncs_in_the_run_are_made(
    settings: Settings, engine: Engine
) -> None:
    chain = next(found for found in chains(definitions()) if len(found) > 1)
    others = {sync_key(item.name) for item in definitions()} - {sync_key(chain[-1].name)}
    models = {dg.AssetKey(["activation", item.model]) for item in definitions()}

    def begun(
        made: Set[dg.AssetKey],
        selected: Set[dg.AssetKey] = frozenset(sync_key(item.name) for item in definitions()),
        steps: Sequence[str] = (),
        syncs: tuple[str, ...] | None = None,
    ) -> list[str]:
        engine.runs.clear()
        cycle = Cycle("cycle", settings.model_copy(update={"syncs": syncs}), FixedClock(NOON), NOON)
        context: Any = SimpleNamespace(
            run=SimpleNamespace(step_keys_to_execute=list(steps)),
            job_def=SimpleNamespace(asset_layer=SimpleNamespace(selected_asset_keys=selected)),
        )
        with closing(cycle):
            begin_delivering(context, cycle, made)
            cycle.delivering._pool.shutdown(wait=True)
        return sorted(engine.runs)

    everything = sorted(item.name for item in definitions())
    in_chain = {item.name for item in chain}
    assert begun(models) == everything
    assert begun(models, steps=[step_name(chain)]) == sorted(in_chain)
    assert begun(models, syncs=(chain[0].name,)) == [chain[0].name]
    last_missing = models - {dg.AssetKey(["activation", chain[-1].model])}
    assert not in_chain & set(begun(last_missing)), "Dagster holds the whole chain back"
    assert in_chain & set(begun(last_missing, others)) == in_chain - {chain[-1].name}
    assert begun(frozenset()) == []


def names(delivering: DeliverAhead, *chain: Definition) -> list[str]:
    return [item.name for item, _ in delivering.delivered(chain).results]


def test_destinations_are_delivered_to_side_by_side(
    engine: Engine, delivering: DeliverAhead
) -> None:
    both = threading.Barrier(2)

    def meets(_name: str, _tell: Progress) -> RunStatus:
        both.wait(WAIT)
        return RunStatus.CLEAN

    engine.does = {SALESFORCE.name: meets, HUBSPOT.name: meets}
    delivering.begin([SALESFORCE])
    delivering.begin([HUBSPOT])
    assert names(delivering, SALESFORCE) == [SALESFORCE.name]
    assert names(delivering, HUBSPOT) == [HUBSPOT.name]
    assert sorted(engine.runs) == sorted([SALESFORCE.name, HUBSPOT.name]), "once each"


def test_syncs_of_one_destination_take_turns(engine: Engine, delivering: DeliverAhead) -> None:
    inside, met = threading.Semaphore(1), threading.Event()

    def alone(_name: str, _tell: Progress) -> RunStatus:
        assert inside.acquire(blocking=False), "two syncs share the destination's limits"
        met.wait(0.1)
        inside.release()
        return RunStatus.CLEAN

    engine.does = {SALESFORCE.name: alone, SALESFORCE_TOO.name: alone}
    delivering.begin([SALESFORCE])
    delivering.begin([SALESFORCE_TOO])
    assert delivering.delivered([SALESFORCE]).error is None
    assert delivering.delivered([SALESFORCE_TOO]).error is None


@pytest.mark.parametrize("ending", [RunStatus.FAILED, RunStatus.BLOCKED, RunStatus.PAUSED])
def test_a_chain_ends_where_a_sync_did_not_do_its_work(
    engine: Engine, delivering: DeliverAhead, ending: RunStatus
) -> None:
    engine.does[SALESFORCE.name] = lambda _name, _tell: ending
    assert names(delivering, SALESFORCE, HUBSPOT) == [SALESFORCE.name]
    engine.does[SALESFORCE.name] = lambda _name, _tell: RunStatus.PARTIAL
    assert names(delivering, SALESFORCE, HUBSPOT) == [SALESFORCE.name, HUBSPOT.name]


def test_what_was_delivered_before_a_mistake_is_shown_with_it(
    engine: Engine, delivering: DeliverAhead
) -> None:
    def wrong(_name: str, _tell: Progress) -> RunStatus:
        raise DefinitionError("no such column", next_step="Correct it.")

    engine.does[HUBSPOT.name] = wrong
    delivered = delivering.delivered([SALESFORCE, HUBSPOT])
    assert [item.name for item, _ in delivered.results] == [SALESFORCE.name]
    assert isinstance(delivered.error, DefinitionError)


def test_a_second_attempt_delivers_anew_and_nothing_else_does(
    engine: Engine, delivering: DeliverAhead
) -> None:
    delivering.begin([HUBSPOT])
    delivering.begin([HUBSPOT])
    assert names(delivering, HUBSPOT) == [HUBSPOT.name]
    delivering.begin([HUBSPOT])
    assert engine.runs == [HUBSPOT.name]
    assert names(delivering, HUBSPOT) == [HUBSPOT.name]
    assert engine.runs == [HUBSPOT.name, HUBSPOT.name]


def test_a_cycle_that_ends_stops_what_is_being_delivered_and_begins_nothing(
    engine: Engine, delivering: DeliverAhead
) -> None:
    begun, closed, stopped = threading.Event(), threading.Event(), threading.Event()

    def in_batches(_name: str, tell: Progress) -> RunStatus:
        begun.set()
        assert closed.wait(WAIT)
        try:
            tell("1 of 2 batches")
        except RetryableError:
            stopped.set()
            raise
        return RunStatus.CLEAN

    engine.does[SALESFORCE.name] = in_batches
    delivering.begin([SALESFORCE])
    assert begun.wait(WAIT)
    delivering.begin([SALESFORCE_TOO])
    closing_it = threading.Thread(target=delivering.close)
    closing_it.start()
    assert delivering._closed.wait(WAIT)
    closed.set()
    closing_it.join(WAIT)
    assert stopped.is_set()
    assert engine.runs == [SALESFORCE.name]
