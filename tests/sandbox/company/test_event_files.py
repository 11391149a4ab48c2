"""The website's files: by the day they were received, with their dirt, of the company's people."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from pathlib import Path

from sandbox.company import slices
from sandbox.company.event_files import FAST_SERVER, PLANTED
from sandbox.company.world import World


def messages(world: World, start: float, end: float) -> list[dict[str, object]]:
    texts = [
        line
        for _, content in world.website.files(start, end)
        for line in gzip.decompress(content).decode().splitlines()
    ]
    return [json.loads(line) for line in texts if line.endswith("}")]


def test_everything_is_planted_and_counted(world: World) -> None:
    counts = world.website.counts(254.0)
    assert all(counts[kind] > 0 for kind in PLANTED), counts
    whole = messages(world, 0.0, 254.0)
    assert len(whole) + counts["cut_off"] == counts["line"]
    assert len({m["messageId"] for m in whole}) + counts["repeated"] == len(whole)


def test_people_are_those_of_the_product(world: World) -> None:
    users = {str(user.id): user for user in world.life.users}
    organizations = {str(organization.id) for organization in world.life.organizations}
    known = [m for m in messages(world, 0.0, 254.0) if "userId" in m]
    assert known
    for message in known:
        user = users[str(message["userId"])]
        assert message["anonymousId"] == user.device.id
        if message["type"] == "identify":
            assert message["traits"] == {"email": user.email}
        else:
            assert message["groupId"] in organizations


def test_a_fast_server_is_fast_by_its_own_clock_only(world: World) -> None:
    fast = 0
    for message in messages(world, 0.0, 254.0):
        happened, sent, received = (
            datetime.fromisoformat(str(message[name]))
            for name in ("originalTimestamp", "sentAt", "receivedAt")
        )
        assert happened <= sent
        fast += sent > received + timedelta(minutes=20)
    assert fast > 10, FAST_SERVER


def test_a_day_more_is_one_file_more_and_it_reads_back_from_a_saved_slice(
    world: World, tmp_path: Path
) -> None:
    before, one_day = slices.first(world), slices.cut(world, 240.0, 241.0)
    at_once = slices.cut(world, slices.BEFORE, 241.0)
    assert before.event_files + one_day.event_files == at_once.event_files
    assert [name for name, _ in one_day.event_files] == ["website/2025/08/29.ndjson.gz"]
    one_day.save(tmp_path / "day")
    assert slices.read(tmp_path / "day").event_files == one_day.event_files
