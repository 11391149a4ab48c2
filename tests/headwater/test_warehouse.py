"""The one place that opens DuckDB: waiting, naming the holder, read-only access."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import duckdb
import pytest
import yaml

from headwater.errors import SettingsError, WarehouseBusyError
from headwater.settings import Settings
from headwater.warehouse import CONFIG, attached, connect, limited_memory, quote, write_anew

HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("create table if not exists held (n int)")
print("held", flush=True)
sys.stdin.readline()
"""


def _settings(tmp_path: Path, wait: float = 0.2) -> Settings:
    return Settings(home=tmp_path, warehouse_wait_seconds=wait)


@pytest.fixture
def holder(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline().strip() == "held"
    yield process
    process.communicate(input="\n")


def test_a_file_held_by_another_process_is_an_error_that_names_the_process(tmp_path, holder):
    with (
        pytest.raises(WarehouseBusyError, match=rf"process {holder.pid}\)"),
        connect(_settings(tmp_path)),
    ):
        pass


def test_readers_are_shut_out_by_a_writer_and_told_so(tmp_path, holder):
    with (
        pytest.raises(WarehouseBusyError, match="HEADWATER_WAREHOUSE_WAIT_SECONDS"),
        connect(_settings(tmp_path), read_only=True),
    ):
        pass


def test_waits_until_the_holder_lets_go(tmp_path, holder):
    holder.stdin.write("\n")
    holder.stdin.flush()
    with connect(_settings(tmp_path, wait=30)) as connection:
        tables = connection.execute("select table_name from information_schema.tables").fetchall()
    assert tables == [("held",)]


def test_writers_of_one_process_share_the_file_and_wait_for_one_who_opened_it_in_another_way(
    tmp_path,
):
    settings = _settings(tmp_path, wait=30)
    with connect(settings) as one, connect(settings) as other:
        one.execute("create table t as select 1 as n")
        assert other.execute("select n from t").fetchall() == [(1,)]
    with ThreadPoolExecutor(1) as pool:
        with connect(settings, read_only=True) as reader:
            written = pool.submit(_insert, settings)
            with pytest.raises(TimeoutError):
                written.result(timeout=0.3)
            assert reader.execute("select n from t").fetchall() == [(1,)]
        written.result(timeout=30)
    with connect(settings) as connection:
        assert connection.execute("select sum(n) from t").fetchall() == [(3,)]


def test_threads_that_open_the_file_while_the_last_one_lets_go_share_it(tmp_path):
    settings = _settings(tmp_path, wait=0)
    at_once = threading.Barrier(3, timeout=20)

    def open_again(_: int) -> None:
        at_once.wait()
        with connect(settings), connect(settings):
            at_once.wait()

    with ThreadPoolExecutor(2) as pool:
        for _ in range(80):
            with connect(settings) as last:
                last.execute("create or replace table t as select range as n from range(200000)")
                opened = pool.map(open_again, range(2))
                at_once.wait()
            at_once.wait()
            assert list(opened) == [None, None]


def _insert(settings: Settings) -> None:
    with connect(settings) as connection:
        connection.execute("insert into t values (2)")


def test_limits_are_those_of_the_settings_and_a_block_gives_memory_back(tmp_path):
    settings = Settings(home=tmp_path, duckdb_memory_limit="700MiB", duckdb_threads=1)
    asked = "select current_setting('memory_limit'), current_setting('threads')"
    with connect(settings) as connection:
        with limited_memory(connection, "300MiB"):
            assert connection.execute(asked).fetchall() == [("300.0 MiB", 1)]
        assert connection.execute(asked).fetchall() == [("700.0 MiB", 1)]


def test_a_limit_of_memory_holds_until_the_last_block_that_asks_for_it_ends(tmp_path):
    roomy = Settings(home=tmp_path, duckdb_memory_limit="900MiB")

    def limit() -> str:
        return str(first.execute("select current_setting('memory_limit')").fetchall()[0][0])

    with connect(roomy) as first, ExitStack() as early, ExitStack() as late:
        assert limit() == "900.0 MiB"
        early.enter_context(limited_memory(first, "300MiB"))
        with connect(roomy) as second:
            assert limit() == "300.0 MiB", "another connection does not widen it"
            late.enter_context(limited_memory(second, "300MiB"))
            early.close()
            assert limit() == "300.0 MiB"
            late.close()
        assert limit() == "900.0 MiB"


def test_dbt_opens_the_file_as_the_other_writers_do():
    profile = Path(__file__).parents[2] / "dbt_project" / "profiles.yml"
    target = yaml.safe_load(profile.read_text(encoding="utf-8"))["headwater"]["outputs"]["duckdb"]
    assert target["config_options"] == CONFIG


def test_reading_a_warehouse_that_is_not_there_says_what_to_run(tmp_path):
    with (
        pytest.raises(SettingsError, match="make demo"),
        connect(_settings(tmp_path), read_only=True),
    ):
        pass


def test_the_session_speaks_utc(tmp_path):
    with connect(_settings(tmp_path)) as connection:
        text = connection.execute(
            "select cast(timestamptz '2025-01-01 02:00:00+02' as timestamp)::varchar"
        ).fetchall()
    assert text == [("2025-01-01 00:00:00",)]


def test_quote_closes_the_door_on_identifiers(tmp_path):
    with connect(_settings(tmp_path)) as connection:
        name = 'odd"; drop table x; --'
        connection.execute(f"create table {quote(name)} (n int)")
        assert connection.execute(
            "select table_name from information_schema.tables"
        ).fetchall() == [(name,)]


def test_an_attached_warehouse_is_read_only_and_free_again_afterwards(tmp_path):
    settings = _settings(tmp_path)
    with connect(settings) as connection:
        connection.execute("create table t as select 1 as n")
    with connect(settings, path=tmp_path / "other.duckdb") as other:
        with attached(other, settings):
            assert other.execute("select n from warehouse.t").fetchall() == [(1,)]
            with pytest.raises(duckdb.InvalidInputException):
                other.execute("insert into warehouse.t values (2)")
        with connect(settings) as connection:
            connection.execute("insert into t values (2)")


def test_attaching_a_held_warehouse_names_the_holder(tmp_path, holder):
    settings = _settings(tmp_path)
    with (
        connect(settings, path=tmp_path / "other.duckdb") as other,
        pytest.raises(WarehouseBusyError, match=rf"process {holder.pid}\)"),
        attached(other, settings),
    ):
        pass


def test_a_file_that_is_written_anew_has_all_but_the_bytes_of_deleted_rows(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with connect(settings) as connection:
        connection.execute("set force_compression = 'uncompressed'")  # so that bytes can be found
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.t as select range as id, 'secret-' || md5(range::varchar) as word "
            "from range(5000)"
        )
        connection.execute("create view marts.v as select count(*) as n from warehouse.marts.t")
        connection.execute("comment on view marts.v is 'made from this'")
        connection.execute("create table marts.keyed (id int primary key)")
    with connect(settings) as connection:
        [(word,)] = connection.execute("select word from marts.t where id = 77").fetchall()
        connection.execute("delete from marts.t where id = 77")
    assert word.encode() in settings.warehouse.read_bytes()
    left = tmp_path / "warehouse.duckdb.tmp" / "duckdb_temp_storage_DEFAULT-0.tmp"  # of a kill
    left.parent.mkdir()
    left.write_text(word)
    write_anew(settings)
    assert word.encode() not in settings.warehouse.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse.duckdb"]
    with connect(settings) as connection:
        assert connection.execute("from marts.v").fetchall() == [(4999,)]
        assert connection.execute(
            "select comment from duckdb_views() where view_name = 'v'"
        ).fetchall() == [("made from this",)]
        connection.execute("insert into marts.keyed values (1)")
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("insert into marts.keyed values (1)")
