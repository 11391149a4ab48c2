"""Starts the Dagster UI and daemon on this machine, on the same data as the command line."""

from __future__ import annotations

import os
import socket
import sys
from urllib.parse import urlsplit

from headwater.errors import SettingsError
from headwater.settings import Settings
from orchestration.instance import dagster_home


def serve(settings: Settings) -> None:
    """Become ``dagster dev`` on the address of ``HEADWATER_DAGSTER_URL`` (does not return).

    Raises :class:`SettingsError` when the port is taken.
    """
    address = urlsplit(settings.dagster_url)
    host, port = address.hostname or "127.0.0.1", address.port or 3000
    _check_free(host, port)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(settings)),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    command = [sys.executable, "-m", "dagster", "dev", "--module-name"]
    command += ["orchestration.definitions", "--host", host, "--port", str(port)]
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is involved


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
