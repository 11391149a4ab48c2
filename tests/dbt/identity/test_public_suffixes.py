"""The seed of the Public Suffix List is the one of the pinned package."""

from __future__ import annotations

from pathlib import Path

from headwater import public_suffixes

SEED = Path(__file__).parents[3] / "dbt_project" / "seeds" / "domains" / "public_suffixes.csv"


def test_the_seed_is_fresh() -> None:
    assert SEED.read_text(encoding="utf-8") == public_suffixes.seed(), (
        "run: python -m headwater.public_suffixes dbt_project/seeds/domains/public_suffixes.csv"
    )
