"""A real PostgreSQL on a free port of loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox import credentials
from sandbox.postgres import Postgres


@contextmanager
def real_postgres(home: Path) -> Iterator[Postgres]:
    """A server with its files and credentials in ``home``, for the block."""
    credentials.write(home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Postgres(home, port).running() as server:
        yield server
