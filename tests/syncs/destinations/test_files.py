"""Files: mirrors and events as CSV and Parquet, in a folder and in a bucket."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import duckdb
import pytest
from moto.server import ThreadedMotoServer

from headwater.erasures import Tombstones
from headwater.errors import CredentialError, DefinitionError
from syncs import erased_copies, erased_people
from syncs.destinations import file_folder, files, open_destination
from syncs.erased_people import forget_erased
from syncs.request import Request
from syncs.run import run
from syncs.state import RunStatus, state_path
from tests.syncs.bench import Bench, a_definition
from tests.syncs.memory_destination import Killed

ROWS = {"b": ('say "hi", ok\n', 1.5), "a": ("", None), "c": (None, -2.0), "#": ("Łódź", 1e21)}


def sync(**changes: Any) -> Any:
    base: dict[str, Any] = {"destination": "files", "object": "out/things.csv",
                            "options": {"types": "B double"}}  # fmt: skip
    return a_definition(**{**base, **changes})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "exports"
    place.mkdir()
    monkeypatch.setenv("FILES_LOCATION", f"file://{place}")
    return place


def go(bench: Bench, definition: Any, **options: Any) -> Any:
    return run("things", bench.settings, bench.clock, "c1", definition=definition, **options)


def held(path: Path) -> dict[str, tuple[Any, ...]]:
    """The rows of a mirror by key, whatever its format."""
    if path.suffix == ".parquet":
        rows = duckdb.sql(f"select * from read_parquet('{path}')").fetchall()
    else:
        read = f"read_csv('{path}', all_varchar = true, allow_quoted_nulls = false)"
        rows = duckdb.sql(f"select key, A, B::double from {read}").fetchall()
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_file_is_the_model_after_any_change_to_the_byte(bench, folder, ending):
    """Created, changed, cleared and removed rows; null and empty text apart; the same bytes as a
    file made of the last model alone."""
    definition = sync(object=f"out/things.{ending}")
    bench.model(ROWS)
    first = go(bench, definition)
    assert (first.status, first.created, first.calls, first.least_calls) == (
        RunStatus.CLEAN, 4, 1, 1)  # fmt: skip
    path = folder / "out" / f"things.{ending}"
    assert held(path) == ROWS
    assert list(held(path)) == sorted(ROWS)
    changed = {"b": (None, 7.0), "c": ("new", -2.0), "d": ("d", 0.1)}
    bench.model(changed)
    second = go(bench, definition)
    assert (second.status, second.created, second.updated, second.removed) == (
        RunStatus.CLEAN, 1, 2, 2)  # fmt: skip
    assert held(path) == changed
    bytes_after = path.read_bytes()
    assert go(bench, definition).calls == 0
    shutil.rmtree(bench.settings.sync_state)
    go(bench, definition)
    assert path.read_bytes() == bytes_after
    assert [item.name for item in path.parent.iterdir()] == [path.name]
    path.write_text("somebody's edit")
    bench.model({**changed, "e": ("e", None)})
    go(bench, definition)
    assert held(path) == {**changed, "e": ("e", None)}


def test_a_row_of_another_type_is_refused_alone_and_its_last_good_self_stays(bench, folder):
    definition = sync(options={"types": "A bigint, B double"})
    bench.model({"x": ("1", 1.0), "y": ("2", 2.0)})
    go(bench, definition)
    bench.model({"x": ("no number", 5.0), "y": ("3", 3.0), "z": ("4", 4.0)})
    partial = go(bench, definition)
    assert (partial.status, partial.rejected, partial.updated, partial.created) == (
        RunStatus.PARTIAL, 1, 1, 1)  # fmt: skip
    assert partial.refusals[0].example_message == "A: 'no number' is no bigint."
    assert list(csv.reader(io.StringIO((folder / "out/things.csv").read_text()))) == [
        ["key", "A", "B"], ["x", "1", "1.0"], ["y", "3", "3.0"], ["z", "4", "4.0"]]  # fmt: skip


def test_clearing_keeps_the_row_and_undo_gives_back_what_a_run_changed(bench, folder):
    definition = sync(mode="upsert", removal={"action": "clear", "fields": ["A"]})
    bench.model({"x": ("one", 1.0), "y": ("two", 2.0)})
    go(bench, definition)
    bench.model({"x": ("one", 9.0)})
    left = go(bench, definition)
    path = folder / "out/things.csv"
    assert held(path) == {"x": ("one", 9.0), "y": (None, 2.0)}
    go(bench, definition, request=Request(undo=left.run_id))
    assert held(path)["x"] == ("one", 1.0)


def test_without_our_copy_no_file_is_published_that_lacks_rows(bench, folder):
    bench.model(ROWS)
    go(bench, sync())
    path, whole = folder / "out/things.csv", (folder / "out/things.csv").read_bytes()
    shutil.rmtree(bench.settings.sync_state / "files")
    bench.model({**ROWS, "a": ("changed", 1.0), "new": ("new", 2.0)})
    refused = go(bench, sync())
    assert (refused.status, refused.owed, refused.updated) == (RunStatus.BLOCKED, 2, 0)
    assert str(state_path(bench.settings, "things")) in str(refused.error)
    assert path.read_bytes() == whole
    state_path(bench.settings, "things").unlink()
    assert go(bench, sync()).created == 5
    assert held(path) == {**ROWS, "a": ("changed", 1.0), "new": ("new", 2.0)}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_around_the_rename_the_next_run_leaves_every_row_once(
    bench, folder, monkeypatch, moment
):
    events = sync(object="e.csv", mode="append", removal={"action": "ignore"})
    for definition in (sync(object="m.csv"), events):
        bench.model({"x": ("one", 1.0)})
        shutil.rmtree(bench.settings.sync_state, ignore_errors=True)
        assert go(bench, definition).status is RunStatus.CLEAN
        before = {p: p.read_bytes() for p in folder.rglob("*.csv")}
        bench.model({"x": ("one", 1.0), "y": ("two", 2.0)})
        real = Path.replace

        def dies(self: Path, target: Any, real: Any = real) -> Any:
            ours = self.name.startswith(".")
            if not ours or moment == "after":
                real(self, target)
            if ours:
                raise Killed
            return target

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", dies)
            with pytest.raises(Killed):
                go(bench, definition)
        if moment == "before":
            assert all(path.read_bytes() == content for path, content in before.items())
        healed = go(bench, definition)
        assert (healed.status, healed.recovered, healed.planned) == (RunStatus.CLEAN, 1, 0)
    assert held(folder / "m.csv") == {"x": ("one", 1.0), "y": ("two", 2.0)}
    rows = [row for path in sorted((folder / "e").iterdir()) for row in held(path)]
    assert sorted(rows) == ["x", "y"]
    assert not list(folder.rglob(".*"))


KILLED = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from headwater.clock import FixedClock
from headwater.settings import Settings
from syncs.run import run
from tests.syncs.destinations.test_files import sync
run("things", Settings(home=Path(sys.argv[1])), FixedClock(datetime(2025, 8, 29, tzinfo=UTC)),
    "c", definition=sync())
"""


def test_kill_9_while_the_draft_is_written_leaves_the_old_file_whole(bench, folder, monkeypatch):
    bench.model({"x": ("one", 1.0)})
    go(bench, sync())
    old = (folder / "out/things.csv").read_bytes()
    bench.model({f"k{n}": ("text" * 50, float(n)) for n in range(300)})
    draft = folder / "out" / ".things.csv.draft"
    os.mkfifo(draft)  # a disk that takes nothing: the writer stands still in the middle
    environment = {**os.environ, "FILES_LOCATION": f"file://{folder}"}
    command = [sys.executable, "-c", KILLED, str(bench.settings.home)]
    with (
        subprocess.Popen(command, env=environment) as process,
        draft.open("rb") as taken,  # waits until the writer has begun
    ):
        assert taken.read(10) == b"key,A,B\nk0"
        process.kill()
    draft.unlink()
    assert (folder / "out/things.csv").read_bytes() == old
    healed = go(bench, sync())
    assert healed.status is RunStatus.CLEAN and healed.recovered == 301
    assert len(held(folder / "out/things.csv")) == 300


def test_a_disk_that_is_full_and_a_folder_that_is_gone_are_said_and_no_row_is_lost(
    bench, folder, monkeypatch
):
    bench.model(ROWS)
    with monkeypatch.context() as patched:

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        patched.setattr(file_folder.os, "fsync", full)
        failed = go(bench, sync())
    assert failed.status is RunStatus.FAILED and "No space left" in str(failed.error)
    folder.rename(folder.with_name("unmounted"))
    gone = go(bench, sync())
    assert gone.status is not RunStatus.CLEAN
    folder.with_name("unmounted").rename(folder)
    last = go(bench, sync())
    assert last.status is RunStatus.CLEAN
    assert held(folder / "out/things.csv") == ROWS


def test_a_row_whose_file_was_refused_does_not_come_back_with_a_later_one(
    bench, folder, monkeypatch
):
    bench.model({"x": ("one", 1.0)})
    go(bench, sync())

    def refuses(*_: Any) -> None:
        raise CredentialError("s3://exports may not be written.")

    with monkeypatch.context() as patched:
        patched.setattr(file_folder.Folder, "publish", refuses)
        bench.model({"x": ("one", 1.0), "never acknowledged": ("two", 2.0)})
        refused = go(bench, sync())
    assert (refused.status, refused.owed) == (RunStatus.FAILED, 1)
    bench.model({"x": ("one", 1.0), "y": ("three", 3.0)})
    go(bench, sync())
    assert held(folder / "out/things.csv") == {"x": ("one", 1.0), "y": ("three", 3.0)}


@pytest.mark.parametrize(
    "changes",
    [{"object": "../things.csv"}, {"object": "/etc/things.csv"}, {"object": "things.txt"},
     {"object": "a/.b/things.csv"}, {"options": {"types": "B money"}},
     {"options": {"types": "C double"}}],
)  # fmt: skip
def test_definitions_of_no_file_are_refused(bench, folder, changes):
    with pytest.raises(DefinitionError):
        open_destination(sync(**changes), bench.settings)


def test_a_file_has_one_sync(bench, folder, monkeypatch):
    monkeypatch.setattr(files, "definitions", lambda: (sync(name="others"),))
    with pytest.raises(DefinitionError, match="others"):
        open_destination(sync(), bench.settings)


def test_a_bucket_holds_what_a_folder_would(bench, folder, monkeypatch):
    bench.model(ROWS)
    go(bench, sync())
    shutil.rmtree(bench.settings.home / "syncs")
    (bench.settings.home / "accounts.json").unlink()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1",
                              aws_access_key_id="AKIAWRITER",
                              aws_secret_access_key="se/c+")  # fmt: skip
        client.create_bucket(Bucket="exports")
        options = f"?region=us-east-1&scheme=http&endpoint_override={quote(f'{host}:{port}')}"
        monkeypatch.setenv("FILES_LOCATION", f"s3://exports/growth{options}")
        monkeypatch.setenv("FILES_ACCESS_KEY_ID", "AKIAWRITER")
        monkeypatch.setenv("FILES_SECRET_ACCESS_KEY", "se/c+")
        result = go(bench, sync())
        assert result.status is RunStatus.CLEAN, result.error
        stored = client.get_object(Bucket="exports", Key="growth/out/things.csv")["Body"].read()
        assert stored == (folder / "out/things.csv").read_bytes()
        monkeypatch.setenv("FILES_LOCATION", f"s3://nowhere/growth{options}")
        (bench.settings.home / "accounts.json").unlink()
        bench.model({"x": ("one", 1.0)})
        failed = go(bench, sync())
        assert failed.status is RunStatus.FAILED and "is not there" in str(failed.error)
        assert "se/c+" not in str(failed.error)
    finally:
        server.stop()


def test_a_right_that_is_missing_is_a_credential_error(tmp_path, folder):
    class Refusing:
        def get_file_info(self, _: Any) -> Any:
            raise OSError("When testing for existence of bucket 'x': AWS Error ACCESS_DENIED "
                          "during HeadBucket operation: No response body.")  # fmt: skip

    with pytest.raises(CredentialError, match="FILES_ACCESS_KEY_ID"):
        file_folder.Folder(Refusing(), "x/y", None, "s3://x/y").check()  # type: ignore[arg-type]


def test_an_erased_person_is_in_our_copy_no_more_and_in_the_file_until_it_changes(
    bench, folder, monkeypatch
):
    definition = sync(
        key={"column": "email", "field": "key"},
        fields=[{"column": "A", "field": "A"}],
        options={},
        mode="upsert",
        removal={"action": "ignore"},
    )
    columns = "email varchar, A varchar"
    bench.model({"ann@x.io": ("Ann",), "bob@x.io": ("Bob",)}, columns)
    assert go(bench, definition).created == 2
    for module in (erased_people, erased_copies):
        monkeypatch.setattr(module, "definitions", lambda: (definition,))
    work = bench.settings.sync_state / "files" / "things"
    (work / "drafted.csv").write_text("ann@x.io")
    gone = Tombstones.of(["email:ann@x.io"])
    assert forget_erased(bench.settings, bench.clock, gone) == (
        {"things": 1, "copy of out/things.csv": 1}, {})  # fmt: skip
    assert [path.name for path in work.iterdir()] == ["mirror.parquet"]
    assert "ann@x.io" in (folder / "out" / "things.csv").read_text()
    bench.model({"bob@x.io": ("Robert",)}, columns)
    assert go(bench, definition).status is RunStatus.CLEAN
    assert "ann@x.io" not in (folder / "out" / "things.csv").read_text()
    assert forget_erased(bench.settings, bench.clock, gone) == ({}, {})
