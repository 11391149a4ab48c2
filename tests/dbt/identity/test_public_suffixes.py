"""The Public Suffix List: its seed is the one of the pinned package, and its official test vectors
(https://github.com/publicsuffix/list/blob/main/tests/test_psl.txt, which the package ships) hold
for the model and for the connectors."""

from __future__ import annotations

import importlib.resources
import re
import shutil
from pathlib import Path

import duckdb
import pytest

from connectors.account_domains import registrable_domain
from headwater import public_suffixes
from tests.dbt.dbt_command import dbt

VECTOR = re.compile(r"^checkPublicSuffix\('(?P<host>[^']+)', (?:null|'(?P<domain>[^']+)')\);", re.M)
RESERVED = ("example", "local", "test")
"""Ends of hosts that are nobody's (RFC 2606, RFC 6762), which the vectors take for unlisted."""
SEED = Path(__file__).parents[3] / "dbt_project" / "seeds" / "domains" / "public_suffixes.csv"


def test_the_seed_is_fresh() -> None:
    assert SEED.read_text(encoding="utf-8") == public_suffixes.seed(), (
        "run: python -m headwater.public_suffixes dbt_project/seeds/domains/public_suffixes.csv"
    )


@pytest.fixture(scope="module")
def vectors() -> dict[str, str | None]:
    """Host, as a source's host is kept, and its registrable domain."""
    text = (importlib.resources.files("publicsuffixlist") / "test_psl.txt").read_text("utf-8")
    found = {match["host"].lower(): match["domain"] for match in VECTOR.finditer(text)}
    vectors = {
        host: None if host.split(".")[-1] in RESERVED else domain
        for host, domain in found.items()
        if not host.startswith(".")  # no host: the macro refuses it
    }
    assert len(vectors) > 60
    return vectors


def test_the_model_keeps_the_official_vectors(
    people_warehouse: Path, tmp_path: Path, vectors: dict[str, str | None]
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(people_warehouse, warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("delete from intermediate.int_hosts")
        connection.executemany(
            "insert into intermediate.int_hosts values (?)", [[host] for host in vectors]
        )
    dbt(warehouse, "run", "--select", "int_host_domains")
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        domains = dict(
            connection.execute("select host, domain from intermediate.int_host_domains").fetchall()
        )
    assert domains == vectors


def test_connectors_keep_the_official_vectors(vectors: dict[str, str | None]) -> None:
    assert {host: registrable_domain(host) for host in vectors} == vectors
