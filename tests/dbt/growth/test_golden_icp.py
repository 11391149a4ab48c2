"""Fit of hand-computed companies; golden_icp.csv shows the arithmetic of each."""

from __future__ import annotations

import json

import duckdb
import pytest

from tests.dbt.growth import golden_companies


@pytest.mark.parametrize(
    ("number", "row"),
    list(enumerate(golden_companies.rows())),
    ids=[row["account"] for row in golden_companies.rows()],
)
def test_score_tier_and_coverage(
    crowded: duckdb.DuckDBPyConnection, number: int, row: dict[str, str]
) -> None:
    found = crowded.execute(
        "select score, tier, coverage, reasons from marts.fct_icp_scores "
        "join marts.account_identifiers using (account_key) "
        "where id_type = 'sfdc_account_id' and id_value = ?",
        [golden_companies.sfdc_account_id(number)],
    ).fetchone()
    assert found is not None
    score, tier, coverage, reasons = found
    expected = float(row["score"]) if row["score"] else None
    assert score == (None if expected is None else pytest.approx(expected, abs=1e-8))
    assert (tier, coverage) == (row["tier"], pytest.approx(float(row["coverage"])))
    points = [reason["points"] for reason in json.loads(reasons)]
    assert sum(points) == pytest.approx(score or 0.0, abs=1e-9)
    assert [abs(point) for point in points] == sorted((abs(p) for p in points), reverse=True)
