"""The truth tables agree with each other and with what the sources show."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from sandbox.company import truth
from sandbox.company.experiments import EXPERIMENTS, bucket
from sandbox.company.world import World


@pytest.fixture(scope="module")
def tables(world: World) -> dict[str, pa.Table]:
    return truth.tables(world, 240.0)


def test_an_identifier_belongs_to_one_human(tables: dict[str, pa.Table]) -> None:
    owners = Counter(
        (row["id_type"], row["id_value"]) for row in tables["truth_person_identifier"].to_pylist()
    )
    assert [key for key, n in owners.items() if n > 1] == []


def test_an_account_identifier_belongs_to_one_company(tables: dict[str, pa.Table]) -> None:
    owners = Counter(
        (row["id_type"], row["id_value"]) for row in tables["truth_account_identifier"].to_pylist()
    )
    assert [key for key, n in owners.items() if n > 1] == []


def test_every_user_and_lead_has_a_match(world: World, tables: dict[str, pa.Table]) -> None:
    subjects = {
        (row["subject_type"], row["subject_id"])
        for row in tables["truth_account_match"].to_pylist()
    }
    leads = {("sfdc_lead", row["Id"]) for row in world.records(-1e5, 240.0)["salesforce", "Lead"]}
    assert leads <= subjects
    members = set(world.product["memberships"]["user_id"].to_pylist())
    assert {("user", str(user)) for user in members} <= subjects


def test_usage_of_the_truth_is_usage_of_the_matrices(
    world: World, tables: dict[str, pa.Table]
) -> None:
    row_of = {str(w.id): number for number, w in enumerate(world.life.workspaces)}
    checked = 0
    for row in tables["truth_overage"].to_pylist():
        if row["role"] and row["period_start"].isoformat() == "2025-08-01":
            used = world.usage.used[row["meter"]][row_of[row["workspace_id"]]]
            stock = row["meter"] == "member_profiles"
            assert row["used"] == (used[239] if stock else used[212:240].sum()), row
            checked += 1
    assert checked


def test_experiment_arms_follow_the_md5_bucket(tables: dict[str, pa.Table]) -> None:
    rows = tables["truth_experiment"].to_pylist()
    assert {row["experiment_id"] for row in rows} == {e.id for e in EXPERIMENTS}
    for row in rows:
        expected = "treatment" if bucket(row["salt"], row["unit"]) < 0.5 else "control"
        assert row["arm"] == expected
