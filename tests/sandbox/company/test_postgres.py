"""The product's database: real, with passwords, rights and a clear answer to a port in use."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sandbox import credentials
from sandbox.postgres import PortInUseError, Postgres, require_free


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    home = tmp_path_factory.mktemp("postgres")
    credentials.write(home)
    postgres = Postgres(home, _free_port())
    with postgres.running():
        postgres.create_product()
        yield postgres


def test_the_reader_reads_and_cannot_write(database: Postgres) -> None:
    with psycopg.connect(database.url("headwater_reader")) as reader:
        assert reader.execute("select count(*) from app.users").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("update app.users set email = 'x'")
    with (
        psycopg.connect(database.url("headwater_reader")) as reader,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        reader.execute("select * from growth.in_app_banners")


def test_the_writer_writes_banners_and_nothing_else(database: Postgres) -> None:
    with psycopg.connect(database.url("headwater_writer")) as writer:
        writer.execute("create temporary table batch (workspace_id bigint)")
        writer.execute(
            "insert into growth.in_app_banners (workspace_id, banner_code, headline, meter) "
            "values (1, 'overage', 'You are over', 'order_lines')"
        )
        writer.execute("delete from growth.in_app_banners")
    for forbidden in (
        "select * from app.users",
        "delete from app.users",
        "create table growth.mine (id int)",
        "create table public.mine (id int)",
    ):
        with (
            psycopg.connect(database.url("headwater_writer")) as writer,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            writer.execute(forbidden)


def test_a_wrong_password_is_refused(database: Postgres) -> None:
    url = database.url("headwater_reader").replace("headwater_reader:", "headwater_reader:x")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)


def test_it_listens_on_loopback_only(database: Postgres) -> None:
    with psycopg.connect(database.url("postgres")) as admin:
        assert admin.execute("show listen_addresses").fetchone() == ("127.0.0.1",)


def test_a_port_in_use_is_named_with_its_setting(tmp_path: Path) -> None:
    credentials.write(tmp_path)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError, match=rf"Port {port} .* SANDBOX_POSTGRES_PORT"):
            Postgres(tmp_path, port).start()
        with pytest.raises(PortInUseError, match="SANDBOX_PORT"):
            require_free(port, "SANDBOX_PORT")
