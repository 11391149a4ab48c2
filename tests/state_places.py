"""Where Headwater's own state is kept in tests: in files of the home, and in a real PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from time import sleep
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from headwater.shared_state import close_sessions
from sandbox.postgres import Postgres
from tests.real_postgres import real_postgres

ROLE = "headwater_state"


class StateServer:
    """A PostgreSQL with a database for the state, and a role that may nothing else."""

    def __init__(self, server: Postgres) -> None:
        self.admin_url = server.url("postgres", database="postgres")
        password = secrets.token_hex(12)
        self.url = f"postgresql://{ROLE}:{password}@127.0.0.1:{server.port}/postgres"
        self._admin = psycopg.connect(self.admin_url, autocommit=True)
        self.ask(f"create role {ROLE} login password '{password}'")

    def ask(self, statement: str) -> list[tuple[Any, ...]]:
        """As the superuser: the rows of a statement, if it has any."""
        cursor = self._admin.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    def new_schema(self) -> str:
        """A schema of the role's own."""
        schema = f"state_{secrets.token_hex(6)}"
        name, role = sql.Identifier(schema), sql.Identifier(ROLE)
        self._admin.execute(sql.SQL("create schema {} authorization {}").format(name, role))
        return schema

    def wait_until_left(self) -> None:
        """Until the sessions of the role have put away their temporary views."""
        for _ in range(200):
            if not self.ask(f"select 1 from pg_stat_activity where usename = '{ROLE}'"):
                return
            sleep(0.05)
        raise AssertionError("a session of the state is still open")

    def close(self) -> None:
        self._admin.close()


@pytest.fixture(scope="session")
def state_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StateServer]:
    with real_postgres(tmp_path_factory.mktemp("state")) as server:
        found = StateServer(server)
        yield found
        found.close()


in_both_places = pytest.mark.parametrize("state_place", ["files", "postgresql"], indirect=True)
"""For tests of what is kept; what only uses it is tested with files."""


@pytest.fixture
def state_place(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Any]]:
    """The settings of a place that nobody used before."""
    if getattr(request, "param", "files") == "files":
        yield {}
        return
    server: StateServer = request.getfixturevalue("state_server")
    schema = server.new_schema()
    yield {"sync_state_url": SecretStr(server.url), "sync_state_schema": schema}
    close_sessions()
    server.wait_until_left()
    server.ask(f"drop schema {schema} cascade")
