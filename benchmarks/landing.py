"""Landing, each beside its peer on the same data: an export against DuckDB's bare read_json and
against dlt, a table of PostgreSQL against bare ADBC, and an increment against the full load."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.landing_data import change_orders, write_events, write_orders
from benchmarks.measuring import Cost, Figure, in_process, median_cost
from sandbox import credentials
from sandbox.postgres import Postgres

HERE = Path(__file__).parent
PEERS = HERE / "peers.txt"
WORK = ["-m", "benchmarks.landing_work"]
READ_JSON_AT_MOST = 2.0
DLT_AT_MOST = 0.1
ADBC_AT_MOST = 1.5
INCREMENT_AT_MOST = 0.05


def measure_export(events: int, runs: int, peers: Path) -> list[Figure]:
    """An export into an empty warehouse, against read_json and against dlt.

    ``peers`` is the virtual environment of the peers; made on first use.
    """
    python = _peers_python(peers)
    with _place() as place:
        files = write_events(place, events)
        ours = median_cost(lambda: _fresh(place, "export", *files), runs)
        bare = median_cost(lambda: _fresh(place, "bare-json", *files), runs)
        dlt = _in_fresh_folder(
            place, lambda folder: in_process([str(HERE / "peer_dlt.py")], folder, *files,
                                             python=python)
        )  # fmt: skip
    _expect(events, ours, bare, dlt)
    return [
        _figure("export", events, "events", runs, ours, "bare read_json", bare, READ_JSON_AT_MOST),
        _figure("export", events, "events", runs, ours, "dlt (once)", dlt, DLT_AT_MOST),
    ]


def measure_memory(events: int) -> Figure:
    """The peak of resident memory of a large export's landing, once."""
    with _place() as place:
        files = write_events(place, events)
        ours = _fresh(place, "export", *files)
    _expect(events, ours)
    return _figure("large export", events, "events", 1, ours, "", None, None)


def measure_orders(rows: int, runs: int) -> list[Figure]:
    """A table of PostgreSQL in full against bare ADBC, then one per cent changed against full."""
    with _place() as place, _postgres(place / "sandbox") as server:
        url = server.url("headwater_reader")
        write_orders(server.url("postgres"), rows)
        full = median_cost(lambda: _fresh(place, "orders", url), runs)
        bare = median_cost(lambda: _fresh(place, "bare-adbc", url), runs)
        home = place / "home"
        in_process(WORK, "orders", home, url)
        times = count()

        def change() -> Cost:
            change_orders(server.url("postgres"), next(times))
            return in_process(WORK, "orders", home, url)

        increment = median_cost(change, runs)
    _expect(rows, full, bare)
    _expect(rows // 100, increment)
    return [
        _figure("table", rows, "rows", runs, full, "bare ADBC", bare, ADBC_AT_MOST),
        _figure("1 % changed", rows // 100, "rows", runs, increment, "in full", full,
                INCREMENT_AT_MOST),
    ]  # fmt: skip


def _fresh(place: Path, work: str, *arguments: object) -> Cost:
    """A piece of work in an empty home, or with an empty database."""

    def run(folder: Path) -> Cost:
        target = folder if work in ("export", "orders") else folder / "bare.duckdb"
        return in_process(WORK, work, target, *arguments)

    return _in_fresh_folder(place, run)


def _in_fresh_folder(place: Path, work: Callable[[Path], Cost]) -> Cost:
    folder = place / "fresh"
    folder.mkdir()
    try:
        return work(folder)
    finally:
        shutil.rmtree(folder)


def _expect(rows: int, *costs: Cost) -> None:
    if any(cost.rows != rows for cost in costs):
        raise AssertionError(f"{rows} rows were there to be read, but there came {costs}")


def _figure(
    name: str, amount: int, unit: str, runs: int, ours: Cost, floor: str, bare: Cost | None,
    at_most: float | None,
) -> Figure:  # fmt: skip
    return Figure(
        name=name,
        amount=amount,
        unit=unit,
        runs=runs,
        seconds=ours.seconds,
        floor=floor,
        floor_seconds=bare.seconds if bare else None,
        at_most=at_most,
        cpu_seconds=ours.cpu_seconds,
        floor_cpu_seconds=bare.cpu_seconds if bare else None,
        peak_mb=ours.peak_mb,
    )


def _peers_python(peers: Path) -> Path:
    """The interpreter of the peers' virtual environment."""
    python, ready = peers / "bin" / "python", peers / "ready.txt"
    if not ready.exists() or ready.read_text() != PEERS.read_text():
        subprocess.run([sys.executable, "-m", "venv", str(peers)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(PEERS)]
        subprocess.run(install, check=True)
        ready.write_text(PEERS.read_text())
    return python


@contextmanager
def _place() -> Iterator[Path]:
    with TemporaryDirectory(prefix="headwater-bench-") as place:
        yield Path(place)


@contextmanager
def _postgres(home: Path) -> Iterator[Postgres]:
    home.mkdir()
    credentials.write(home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Postgres(home, port).running() as server:
        server.create_product()
        yield server
