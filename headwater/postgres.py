"""Headwater's own state in PostgreSQL: a session in a schema of its own.

The connection URL is a secret and in no error. A session that breaks raises
:class:`StateUnavailableError`; it is never mended silently, because what it held (a lock, a
transaction) is gone with it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from headwater.database import NONE, Parameters
from headwater.errors import CredentialError, SettingsError, StateUnavailableError

CONNECT_SECONDS = 15
KEEPALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
UNANSWERED_MILLISECONDS = 30_000
"""A runner whose machine vanished is noticed within half a minute, and its locks let go of: also
when an answer was on its way to it, of which keepalives say nothing. So is a server's."""
SESSION = """
select set_config(name, case name when 'synchronous_commit' then 'on' else '0' end, false)
from pg_settings
where (name = 'synchronous_commit' and setting = 'off')
    or (name = 'idle_session_timeout' and setting <> '0')
"""
"""What a role's defaults must not take away: that a commit is durable, else rows marked in flight
would be forgotten with the server's power; and the session, while a vendor takes its time."""
_PARAMETER = re.compile(r"\$([a-z_0-9]+)")


class PostgresDatabase:
    """One session; ``schema`` is where its tables are, made if it is not there."""

    def __init__(self, url: SecretStr, schema: str, *, setting: str) -> None:
        self.schema = schema
        known = _parsed(url, setting)
        self.conninfo = SecretStr(
            make_conninfo(
                url.get_secret_value(),
                client_encoding="UTF8",  # what COPY is given, whatever the environment says
                application_name="headwater",
                connect_timeout=CONNECT_SECONDS,
                tcp_user_timeout=UNANSWERED_MILLISECONDS,
                **KEEPALIVE,
            )
        )
        place = f"{known.get('host', 'the local socket')}/{known.get('dbname', '')}"
        self.label = f"PostgreSQL {place}, schema {schema}"
        self._setting = setting
        try:
            self.connection = psycopg.connect(self.conninfo.get_secret_value(), autocommit=True)
        except psycopg.OperationalError as error:
            said = str(error).strip()
            for secret in (url.get_secret_value(), str(known.get("password") or "")):
                said = said.replace(secret, "...") if secret else said
            raise StateUnavailableError(
                f"{self.label} cannot be reached: {said}",
                next_step=f"Nothing was done. {setting} says where it is.",
            ) from None
        try:
            with self._told():
                self._enter()
        except BaseException:
            self.connection.close()
            raise

    def _enter(self) -> None:
        """Speak UTC within the schema; let the server notice when this machine is gone."""
        self.connection.execute("set timezone = 'UTC'")
        for option, seconds in KEEPALIVE.items():
            self.connection.execute(f"set tcp_{option} = {seconds:d}".encode())
        self.connection.execute(f"set tcp_user_timeout = {UNANSWERED_MILLISECONDS:d}".encode())
        self.connection.execute(SESSION)
        found = self.connection.execute(
            "select 1 from pg_namespace where nspname = %s", [self.schema]
        ).fetchall()
        name = sql.Identifier(self.schema)
        if not found:
            with suppress(psycopg.errors.UniqueViolation):  # another was just faster
                self.connection.execute(sql.SQL("create schema if not exists {}").format(name))
        self.connection.execute(sql.SQL("set search_path = {}").format(name))

    def rows(self, statement: str, parameters: Parameters = NONE) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._told():
            return self.connection.execute(bound(statement), parameters).fetchall()

    def change(self, statement: str, parameters: Parameters = NONE) -> int:
        """How many rows a statement changed."""
        with self._told():
            return self.connection.execute(bound(statement), parameters).rowcount

    @contextmanager
    def transaction(self, alone: str | None = None) -> Iterator[None]:
        """All of the block or nothing of it."""
        with self._told(), self.connection.transaction():
            if alone is not None:
                self.connection.execute("select pg_advisory_xact_lock(%s)", [self.lock_key(alone)])
            yield

    def has_table(self, name: str) -> bool:
        """Whether the schema has a table of this name."""
        return bool(
            self.rows(
                "select 1 from pg_tables where schemaname = $schema and tablename = $name",
                {"schema": self.schema, "name": name},
            )
        )

    def lock_key(self, name: str) -> int:
        """The number of an advisory lock: 64 bits of the md5 of schema and name."""
        digest = hashlib.md5(f"{self.schema}/{name}".encode(), usedforsecurity=False).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    def close(self) -> None:
        """End the session; its locks are free then."""
        self.connection.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.InsufficientPrivilege as error:
            raise CredentialError(
                f"{self.label}: {error.diag.message_primary}.",
                next_step=f"The role of {self._setting} needs a schema of its own: create schema "
                f"{self.schema} authorization ROLE.",
            ) from None
        except (psycopg.OperationalError, psycopg.InternalError) as error:
            raise StateUnavailableError(
                f"{self.label}: {str(error).strip() or type(error).__name__}",
                next_step="What was written is kept; the next run goes on from it.",
            ) from None


@lru_cache(maxsize=512)
def bound(statement: str) -> bytes:
    """A statement with parameters ``$name`` as psycopg writes them."""
    return _PARAMETER.sub(r"%(\1)s", statement.replace("%", "%%")).encode()


def _parsed(url: SecretStr, setting: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(url.get_secret_value()))
    except psycopg.ProgrammingError:
        raise SettingsError(
            f"{setting} is malformed.",
            next_step="Write postgresql://user:password@host:5432/database; special characters of "
            "the password are %-encoded.",
        ) from None
