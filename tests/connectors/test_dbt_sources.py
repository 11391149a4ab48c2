"""The committed dbt sources are those that the contracts give."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.dbt_sources import STAGING, source_files, write

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", sorted(source_files()))
def test_committed_sources_are_fresh(name: str) -> None:
    committed = (ROOT / STAGING / name).read_text(encoding="utf-8")
    assert committed == source_files()[name], "run: python -m connectors.dbt_sources"


def test_write_puts_each_file_below_the_folder(tmp_path: Path) -> None:
    written = write(tmp_path)
    assert {str(path.relative_to(tmp_path)) for path in written} == set(source_files())
