"""Starts Dagster's own programs on the same data as the command line: UI, daemon, or both."""

from __future__ import annotations

import os
import socket
import sys
from typing import NoReturn
from urllib.parse import urlsplit

from connectors.backfill import day_streams
from headwater.errors import SettingsError
from headwater.settings import Settings
from orchestration.backfill import backfill_name
from orchestration.instance import dagster_home, instance
from orchestration.keys import CYCLE_POOL

_GRAPH = ["--module-name", "orchestration.definitions"]


def develop(settings: Settings) -> NoReturn:
    """Become ``dagster dev``: UI and daemon on the address of ``HEADWATER_DAGSTER_URL``.

    Raises :class:`SettingsError` when the port is taken.
    """
    host, port = _address(settings)
    _check_free(host, port)
    _limit_pools(settings)
    _become(settings, "dagster", "dev", *_GRAPH, "--host", host, "--port", str(port))


def serve_ui(settings: Settings, host: str | None) -> NoReturn:
    """Become the Dagster webserver; ``host`` other than that of ``HEADWATER_DAGSTER_URL`` is for
    a container, whose port is published on loopback only.

    Raises :class:`SettingsError` when the port is taken.
    """
    known_host, port = _address(settings)
    _check_free(host or known_host, port)
    _become(
        settings, "dagster_webserver", *_GRAPH, "--host", host or known_host, "--port", str(port)
    )


def run_daemon(settings: Settings) -> NoReturn:
    """Become the Dagster daemon: schedules, sensors and the queue of runs."""
    _limit_pools(settings)
    _become(settings, "dagster._daemon", "run", *_GRAPH)


def _limit_pools(settings: Settings) -> None:
    """One run of each pool at a time. Dagster sets the default limit of a pool only after it first
    let runs of it through, and two cycles that were queued by then would start together."""
    with instance(settings) as history:
        for pool in (CYCLE_POOL, *(backfill_name(stream) for stream in day_streams())):
            history.event_log_storage.set_concurrency_slots(pool, 1)


def _become(settings: Settings, module: str, *arguments: str) -> NoReturn:
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(settings)),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    command = [sys.executable, "-m", module, *arguments]
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is involved


def _address(settings: Settings) -> tuple[str, int]:
    address = urlsplit(settings.dagster_url)
    return address.hostname or "127.0.0.1", address.port or 3000


def _check_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"Port {port} on {host} is in use.",
                next_step="Stop the program that has it, or set HEADWATER_DAGSTER_URL, "
                f"for example to http://{host}:{port + 1}.",
            ) from error
