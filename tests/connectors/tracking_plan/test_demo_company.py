"""The demo company keeps its own plan: nothing is quarantined but what was planted."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import pytest

from connectors.event_files.streams import EVENTS as FILE_EVENTS
from connectors.mixpanel.streams import EVENTS as MIXPANEL_EVENTS
from connectors.raw_tables import ensure_raw_tables
from connectors.tracking_plan.plan import current_plan
from sandbox.company.clickstream import EVENTS
from sandbox.company.world import World, simulate
from tests.connectors.streams_under_test import Shop


@pytest.fixture(scope="module")
def world() -> World:
    return simulate("xs", 7)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    ensure_raw_tables(shop.connection, (MIXPANEL_EVENTS, FILE_EVENTS))
    return shop


def test_every_event_of_the_product_is_planned_and_no_other() -> None:
    planned = {event.name for file in current_plan().of("mixpanel") for event in file.events}
    assert planned == set(EVENTS)


def test_of_the_export_only_planted_lines_are_quarantined(world: World, shop: Shop) -> None:
    members = [member for _, member in world.events.files(-1.0, 240.0)]
    lines = [line for m in members for line in gzip.decompress(m).decode().splitlines()]
    result = shop.load(MIXPANEL_EVENTS, lines)
    counts = world.events.counts(240.0)
    planted = counts["malformed_line"] + counts["event_without_distinct_id"]
    assert (result.received, result.quarantined) == (counts["exported_line"], planted)
    assert planted > 0
    assert shop.rows("select 1 from landing.quarantine where reason like '%tracking plan%'") == []


def test_of_the_websites_files_only_planted_lines_are_quarantined(world: World, shop: Shop) -> None:
    files = [content for _, content in world.website.files(-1.0, 240.0)]
    lines = [line for f in files for line in gzip.decompress(f).decode().splitlines()]
    result = shop.load(FILE_EVENTS, lines)
    counts = world.website.counts(240.0)
    assert (result.received, result.duplicates) == (counts["line"], counts["repeated"])
    assert result.quarantined == counts["cut_off"] + counts["unplanned"] + counts["wrong_type"]
    assert dict(
        shop.rows(
            "select case when reason like '%is not in it' then 'unplanned' "
            "when reason like '%is not a whole number' then 'wrong_type' else 'cut_off' end, "
            "count(*) from landing.quarantine group by all"
        )
    ) == {kind: counts[kind] for kind in ("unplanned", "wrong_type", "cut_off")}


def test_a_fast_server_puts_no_event_on_a_wrong_moment(world: World, shop: Shop) -> None:
    """Whoever signed up is identified at that moment, whatever the server's clock says."""
    files = [content for _, content in world.website.files(-1.0, 240.0)]
    shop.load(
        FILE_EVENTS, [line for f in files for line in gzip.decompress(f).decode().splitlines()]
    )
    created = {str(user.id): user.created for user in world.life.users}
    known = shop.rows(
        "select user_id, event_at, abs(epoch(original_timestamp) - epoch(event_at)) > 2000 "
        "from raw_event_files.events where type = 'identify' and user_id is not null"
    )
    assert any(is_fast for _, _, is_fast in known)
    for user_id, event_at, _ in known:
        happened = (event_at - datetime(2025, 1, 1)).total_seconds()
        assert abs(happened - created[user_id] * 86_400) < 1
