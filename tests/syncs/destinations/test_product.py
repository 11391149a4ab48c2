"""The product's database: a mirror of in-app banners."""

from __future__ import annotations

import traceback
from datetime import datetime
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from syncs.destination import Change, Operation
from syncs.destinations import open_destination, product
from syncs.registry import definition
from syncs.state import RunStatus
from tests.real_postgres import real_postgres


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    with real_postgres(tmp_path_factory.mktemp("postgres")) as running:
        running.create_product()
        yield running


def banner(number: int, **changes: Any) -> tuple[Any, ...]:
    row = {
        "workspace_id": str(number),
        "banner_code": "overage",
        "headline": 'You are "over", by 20%\n',
        "meter": "order_lines",
        "used": 72,
        "included": 60,
        "period_end": datetime(2025, 9, 1),
        **changes,
    }
    return tuple(row.values())


def test_banners_are_a_mirror_of_the_audience_but_touch_nobody_elses(world, database, monkeypatch):
    monkeypatch.setenv("PRODUCT_DATABASE_URL", database.url("headwater_reader"))
    monkeypatch.setenv("PRODUCT_WRITER_DATABASE_URL", database.url("headwater_writer"))
    with psycopg.connect(database.url("postgres")) as admin:
        admin.execute(
            "insert into growth.in_app_banners (workspace_id, banner_code, headline, meter) "
            "values (999, 'theirs', 'by hand', 'x')"
        )
    world.model("product__in_app_banners", *(banner(n) for n in range(5)))
    first = world.run("product__in_app_banners")
    assert (first.status, first.created, first.least_calls) == (RunStatus.CLEAN, 5, 1)
    world.model("product__in_app_banners", banner(0), banner(1, used=None), banner(2, used=90))
    second = world.run("product__in_app_banners")
    assert (second.updated, second.removed) == (2, 2)
    with psycopg.connect(database.url("postgres")) as admin:
        held = admin.execute(
            "select workspace_id, used, headline from growth.in_app_banners order by 1"
        ).fetchall()
    assert [(row[0], row[1]) for row in held] == [(0, 72), (1, None), (2, 90), (999, None)]
    assert held[0][2] == 'You are "over", by 20%\n'
    assert world.run("product__in_app_banners").calls == 0
    destination = open_destination(definition("product__in_app_banners"), world.settings)
    asked = [Change(n, str(n), Operation.UPDATE, {}, "") for n in (2, 5)]
    held = {key: item.fields for key, item in destination.current(asked, ["used"]).items()}
    assert held == {"2": {"used": 90}}

    world.model("product__in_app_banners", banner(0), banner(1), banner(7, meter=None))
    bad = world.run("product__in_app_banners")
    assert (bad.status, bad.rejected, bad.updated, bad.removed) == (RunStatus.PARTIAL, 1, 1, 1)
    assert "null value" in bad.refusals[0].example_message


def test_a_banner_that_somebody_deleted_is_made_again_whole(world, database, monkeypatch):
    monkeypatch.setenv("PRODUCT_DATABASE_URL", database.url("headwater_reader"))
    monkeypatch.setenv("PRODUCT_WRITER_DATABASE_URL", database.url("headwater_writer"))
    world.model("product__in_app_banners", *(banner(n) for n in range(20, 24)))
    world.run("product__in_app_banners")
    with psycopg.connect(database.url("postgres")) as admin:
        admin.execute("delete from growth.in_app_banners where workspace_id in (21, 22)")
    new = [banner(20, used=99), banner(21, used=98), banner(22, headline="new"), banner(23)]
    world.model("product__in_app_banners", *new)
    result = world.run("product__in_app_banners")
    assert (result.status, result.updated) == (RunStatus.CLEAN, 3)
    with psycopg.connect(database.url("postgres")) as admin:
        held = admin.execute(
            "select workspace_id, used, headline, banner_code, included "
            "from growth.in_app_banners where workspace_id between 20 and 23 order by 1"
        ).fetchall()
    old = banner(0)[2]
    assert held == [
        (20, 99, old, "overage", 60), (21, 98, old, "overage", 60),
        (22, 72, "new", "overage", 60), (23, 72, old, "overage", 60),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "postgres:/writer:{}@127.0.0.1:1/none",
        "postgresql://writer:{}@127.0.0.1:1/none",
        "postgresql://writer:{}@nowhere.invalid/none",
        "host=127.0.0.1 port=1 pasword={}",
        "postgresql://writer:{}@[::1/none",
    ],
)
@pytest.mark.parametrize("password", ["tiger-lion", "tiger@lion", "tiger/lion", "tiger%zzlion"])
def test_no_part_of_a_database_password_is_shown(world, monkeypatch, url, password):
    monkeypatch.setenv("PRODUCT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("PRODUCT_WRITER_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    world.model("product__in_app_banners", banner(1))
    there = product.connect(definition("product__in_app_banners"), world.settings)
    there._url = SecretStr(url.format(password))  # whatever the settings would have let through
    result = world.run("product__in_app_banners", destination=there)
    assert result.status is RunStatus.FAILED
    told = "".join(traceback.format_exception(result.error))
    assert "could not connect" in told
    assert "tiger" not in told and "lion" not in told
