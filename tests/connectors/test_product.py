"""The product connector against a real PostgreSQL."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from connectors.keyed_cursor import KeyedCursor
from connectors.product.client import ProductSource
from connectors.run import LoadResult, run_source
from headwater.clock import FixedClock
from headwater.errors import CredentialError, SettingsError, VendorUnavailableError
from headwater.settings import Settings
from headwater.system_settings import ProductSettings
from headwater.warehouse import connect
from sandbox.postgres import Postgres
from tests.real_postgres import real_postgres

AS_OF = datetime(2025, 8, 29, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with real_postgres(tmp_path_factory.mktemp("sandbox")) as server:
        yield server


@pytest.fixture
def product(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    postgres.create_product()
    monkeypatch.setenv("PRODUCT_DATABASE_URL", postgres.url("headwater_reader"))
    return postgres


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "var")


def write(postgres: Postgres, sql: str, *parameters: Any) -> None:
    with psycopg.connect(postgres.url("postgres")) as connection:
        connection.execute(sql, parameters)  # type: ignore[arg-type]


def add_user(postgres: Postgres, number: int, at: datetime, **fields: Any) -> None:
    row = {
        "id": number,
        "email": f"p{number}@example.com",
        "marketing_consent": True,
        "sales_consent": False,
        "is_staff": False,
        "created_at": at,
        "updated_at": at,
        **fields,
    }
    names = ", ".join(row)
    changes = ", ".join(f"{name} = excluded.{name}" for name in row)
    marks = ", ".join(["%s"] * len(row))
    write(
        postgres,
        f"insert into app.users ({names}) values ({marks}) "
        f"on conflict (id) do update set {changes}",
        *row.values(),
    )


def run(settings: Settings, as_of: datetime = AS_OF) -> LoadResult:
    [result] = run_source("product", settings, FixedClock(as_of), "cycle", streams=["users"])
    return result


def users(settings: Settings, columns: str) -> list[tuple[Any, ...]]:
    with connect(settings, read_only=True) as connection:
        return connection.execute(f"select {columns} from raw_product.users order by id").fetchall()


def test_rows_arrive_typed_and_changes_by_the_window(product: Postgres, settings: Settings) -> None:
    before = AS_OF - timedelta(days=1, microseconds=-7)
    add_user(product, 1, before, full_name="Zoë O'Hara")
    add_user(product, 2, before, deleted_at=before)
    add_user(product, 3, AS_OF + timedelta(hours=3))
    first = run(settings)
    assert (first.received, first.landed, first.tombstoned) == (2, 2, 1)
    naive = before.replace(tzinfo=None)
    assert users(settings, "id, full_name, marketing_consent, updated_at, _deleted_at, _extra") == [
        (1, "Zoë O'Hara", True, naive, None, None),
        (2, None, True, naive, naive, None),
    ]
    add_user(product, 4, before - timedelta(minutes=10))  # a long transaction's row
    add_user(product, 5, before - timedelta(minutes=20))  # beyond what the overlap promises
    second = run(settings, AS_OF + timedelta(hours=4))
    assert (second.received, second.landed, second.duplicates) == (4, 2, 2)
    assert users(settings, "id") == [(1,), (2,), (3,), (4,)]
    assert KeyedCursor.read(second.cursor).changed_at == AS_OF + timedelta(hours=3)


def test_every_table_lands(product: Postgres, settings: Settings) -> None:
    add_user(product, 1, AS_OF)
    stamps = (AS_OF, AS_OF)
    write(
        product,
        "insert into app.organizations (id, name, created_at, updated_at) values (1, 'O', %s, %s)",
        *stamps,
    )
    write(
        product,
        "insert into app.workspaces (id, organization_id, name, motion, is_test, created_at, "
        "updated_at) values (7, 1, 'W', 'self_serve', false, %s, %s)",
        *stamps,
    )
    write(
        product,
        "insert into app.usage_daily (id, workspace_id, meter, usage_date, quantity, created_at, "
        "updated_at) values (1, 7, 'api_calls', '2025-08-28', 12, %s, %s)",
        *stamps,
    )
    results = run_source("product", settings, FixedClock(AS_OF), "cycle")
    assert len(results) == 14
    with connect(settings, read_only=True) as connection:
        usage = connection.execute(
            "select usage_date, quantity from raw_product.usage_daily"
        ).fetchall()
    assert usage == [(date(2025, 8, 28), 12)]


def test_a_new_column_is_drift_and_a_changed_type_quarantine(
    product: Postgres, settings: Settings
) -> None:
    add_user(product, 1, AS_OF - timedelta(hours=2))
    write(product, "alter table app.users add column nickname text default 'Bo'")
    write(product, "alter table app.users alter column is_staff drop default")
    write(product, "alter table app.users alter column is_staff type text using 'no idea'")
    result = run(settings)
    assert (result.landed, result.quarantined, result.open_quarantine) == (0, 1, 1)
    with connect(settings, read_only=True) as connection:
        assert connection.execute(
            "select record_key, reason from landing.quarantine"
        ).fetchall() == [("1", "column is_staff (is_staff): value 'no idea' is not true or false")]
    write(product, "alter table app.users alter column is_staff type boolean using false")
    mended = run(settings)
    assert (mended.landed, mended.open_quarantine) == (1, 0)
    assert users(settings, "_extra") == [('{"nickname":"Bo"}',)]


def test_a_row_without_its_last_change_is_quarantined_once(
    product: Postgres, settings: Settings
) -> None:
    write(product, "alter table app.users alter column updated_at drop not null")
    add_user(product, 1, AS_OF - timedelta(hours=2))
    add_user(product, 2, AS_OF - timedelta(hours=2), updated_at=None)
    first = run(settings)
    assert (first.landed, first.quarantined, first.open_quarantine) == (1, 1, 1)
    second = run(settings, AS_OF + timedelta(hours=1))
    assert (second.received, second.duplicates, second.open_quarantine) == (2, 2, 1)
    with connect(settings, read_only=True) as connection:
        assert connection.execute(
            "select record_key, reason from landing.quarantine"
        ).fetchall() == [("2", "column updated_at (updated_at): missing, but required")]
    add_user(product, 2, AS_OF)
    assert run(settings, AS_OF + timedelta(hours=2)).open_quarantine == 0


def test_a_missing_table_fails_before_anything_is_touched(
    product: Postgres, settings: Settings
) -> None:
    write(product, "drop table app.restaurants cascade")
    with pytest.raises(Exception, match=r"restaurants.*PRODUCT_SCHEMA_NAME"):
        run(settings)
    assert not settings.home.exists()


def test_wrong_credentials_missing_rights_and_no_server_are_told_apart(
    product: Postgres, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = product.url("headwater_reader")
    monkeypatch.setenv(
        "PRODUCT_DATABASE_URL", good.replace(":", ":wrong-", 2).replace("wrong-//", "//")
    )
    with pytest.raises(CredentialError, match="PRODUCT_DATABASE_URL") as caught:
        run(settings)
    assert "wrong-" not in str(caught.value)
    monkeypatch.setenv("PRODUCT_DATABASE_URL", good)
    write(product, "revoke select on app.users from headwater_reader")
    with pytest.raises(CredentialError, match="SELECT"):
        run(settings)
    monkeypatch.setenv("PRODUCT_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/x")
    with pytest.raises(VendorUnavailableError, match="host and port") as unreachable:
        run(settings)
    assert "secret" not in str(unreachable.value)
    assert not settings.home.exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgres:/reader:S3cret-pw@127.0.0.1:1/x",
        "postgresql://reader:x@127.0.0.1:S3cret-pw/x",
        "postgresql://reader:x@S3cret-pw@127.0.0.1:1/x",
        "postgresql://reader:x@127.0.0.1:1/x?S3cret-pw=1",
    ],
)
def test_what_libpq_says_of_a_malformed_url_stays_out_of_errors(
    settings: Settings, url: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRODUCT_DATABASE_URL", url)
        with pytest.raises(SettingsError, match="PRODUCT_DATABASE_URL") as refused:
            run(settings)
    unchecked = ProductSettings.model_construct(database_url=SecretStr(url), schema_name="app")
    with pytest.raises(VendorUnavailableError, match="PRODUCT_DATABASE_URL") as caught:
        ProductSource(settings, unchecked).check()
    for error in (refused.value, caught.value):
        assert "S3cret" not in "".join(traceback.format_exception(error))


def test_all_tables_are_read_at_one_moment(
    product: Postgres, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_user(product, 1, AS_OF - timedelta(hours=1))
    extract = ProductSource.extract

    def extract_while_the_company_lives(self: ProductSource, stream: Any, *rest: Any) -> Any:
        result = extract(self, stream, *rest)
        if stream.name == "users":
            write(
                product,
                "insert into app.organizations (id, name, created_at, updated_at) "
                "values (1, 'New', %s, %s)",
                AS_OF,
                AS_OF,
            )
        return result

    monkeypatch.setattr(ProductSource, "extract", extract_while_the_company_lives)
    results = run_source(
        "product", settings, FixedClock(AS_OF), "cycle", streams=["users", "organizations"]
    )
    assert [result.received for result in results] == [1, 0]
    monkeypatch.setattr(ProductSource, "extract", extract)
    results = run_source("product", settings, FixedClock(AS_OF), "cycle", streams=["organizations"])
    assert [result.received for result in results] == [1]


def test_a_row_that_is_committed_late_is_found_by_the_overlap(
    product: Postgres, settings: Settings
) -> None:
    """``updated_at`` is when the transaction began: it commits behind a row that is newer."""
    began = AS_OF - timedelta(minutes=9)
    with psycopg.connect(product.url("postgres")) as slow:
        slow.execute(
            "insert into app.users (id, email, marketing_consent, sales_consent, is_staff, "
            "created_at, updated_at) values (1, 'slow@example.com', true, true, false, %s, %s)",
            (began, began),
        )
        add_user(product, 2, AS_OF - timedelta(minutes=1))
        first = run(settings)
        assert (first.received, users(settings, "id")) == (1, [(2,)])
        slow.commit()
    second = run(settings, AS_OF + timedelta(hours=1))
    assert (second.landed, second.duplicates) == (1, 1)
    assert users(settings, "id") == [(1,), (2,)]


def test_a_physical_delete_is_seen_when_the_keys_are_compared(
    product: Postgres, settings: Settings
) -> None:
    for number in (1, 2, 3):
        add_user(product, number, AS_OF - timedelta(days=3))
    run(settings)
    write(product, "delete from app.users where id = 2")
    soon = run(settings, AS_OF + timedelta(hours=23))
    assert (soon.tombstoned, users(settings, "id, _deleted_at is null")[1]) == (0, (2, True))
    later = AS_OF + timedelta(hours=24)
    result = run(settings, later)
    assert (result.tombstoned, result.landed) == (1, 0)
    assert users(settings, "id, _deleted_at") == [
        (1, None),
        (2, later.replace(tzinfo=None)),
        (3, None),
    ]
    add_user(product, 2, later)
    assert run(settings, later + timedelta(hours=1)).landed == 1
    assert users(settings, "_deleted_at") == [(None,)] * 3


def test_the_keys_are_compared_with_every_load_where_the_setting_says_so(
    product: Postgres, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRODUCT_KEY_CHECK_HOURS", "0")
    add_user(product, 1, AS_OF - timedelta(days=3))
    add_user(product, 2, AS_OF - timedelta(days=3))
    run(settings)
    write(product, "delete from app.users where id = 1")
    assert run(settings, AS_OF + timedelta(minutes=5)).tombstoned == 1


def test_tables_without_a_moment_of_change(product: Postgres, settings: Settings) -> None:
    before = AS_OF - timedelta(days=2)
    add_user(product, 1, before)
    for statement in (
        "insert into app.organizations (id, name, created_at, updated_at) values (1, 'O', %s, %s)",
        "insert into app.workspaces (id, organization_id, name, motion, is_test, created_at, "
        "updated_at) values (7, 1, 'W', 'self_serve', false, %s, %s)",
        "insert into app.group_orders (id, workspace_id, organiser_user_id, status, line_count, "
        "total_cents, created_at, updated_at) values (9, 7, 1, 'delivered', 2, 4000, %s, %s)",
    ):
        write(product, statement, before, before)
    refund = (
        "insert into app.refunds (id, group_order_id, amount_cents, reason, created_at) "
        "values (%s, 9, 500, 'late', %s)"
    )
    write(product, refund, 1, before)
    write(product, refund, 2, before)
    write(
        product,
        "insert into app.workspace_integrations values (1, 7, 'slack', 1), (2, 7, 'sso', null)",
    )
    names = ["refunds", "workspace_integrations"]

    def both(as_of: datetime) -> list[tuple[int, int]]:
        results = run_source("product", settings, FixedClock(as_of), "cycle", streams=names)
        return [(result.landed, result.tombstoned) for result in results]

    assert both(AS_OF) == [(2, 0), (2, 0)]
    write(product, "delete from app.refunds where id = 1")
    write(product, "delete from app.workspace_integrations where provider = 'sso'")
    write(product, refund, 3, AS_OF)
    assert both(AS_OF + timedelta(hours=1)) == [(1, 0), (0, 1)]
    assert both(AS_OF + timedelta(days=1)) == [(0, 1), (0, 0)]
    with connect(settings, read_only=True) as connection:
        assert connection.execute(
            "select id, _deleted_at is null from raw_product.refunds order by id"
        ).fetchall() == [(1, False), (2, True), (3, True)]


def test_a_cursor_reads_back() -> None:
    for cursor in (
        KeyedCursor(),
        KeyedCursor(AS_OF),
        KeyedCursor(AS_OF, AS_OF + timedelta(hours=1)),
    ):
        assert KeyedCursor.read(cursor.text()) == cursor
