"""What the landing benchmarks read: an export as Mixpanel writes it, and a table of orders."""

from __future__ import annotations

from pathlib import Path

import duckdb
import psycopg

_EVENTS = """
    copy (
        select
            ['Order Line Added', 'Group Order Shared', 'Menu Viewed', 'Slack Connected']
                [number % 4 + 1] as event,
            {{
                'time': 1753920000 + number % 2592000,
                'distinct_id': (hash(number) % 20000)::varchar,
                '$insert_id': md5(number::varchar),
                '$device_id': left(md5((hash(number) % 30000)::varchar), 24),
                '$user_id': (hash(number) % 20000)::varchar,
                'mp_processing_time_ms': (1753920000 + number % 2592000) * 1000 + number % 5000,
                'workspace_id': hash(number) % 3000,
                'platform': ['web', 'ios', 'android'][number % 3 + 1],
                'environment': 'production',
                'user_agent': 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/126.0',
                '$current_url': 'https://app.groupgrub.example/orders/' || number % 977,
                'utm_source': if(number % 3 = 0, 'newsletter', null),
                '$os': 'Mac OS X',
                '$browser': 'Chrome',
                '$city': 'Berlin',
                '$region': 'Land Berlin',
                'mp_country_code': 'DE',
                '$screen_height': 1080,
                '$screen_width': 1920
            }} as properties
        from range({first}, {last}) as numbers(number)
    ) to '{path}' (format json, compression gzip)
"""
PART_EVENTS = 1_000_000
_ORDERS = """
    insert into app.group_orders
    select
        number, number % 3000 + 1, number % 20000 + 1, null,
        (array['open', 'placed', 'delivered', 'cancelled'])[number % 4 + 1],
        number % 40, number % 100000,
        timestamptz '2024-06-01' + number * interval '5 seconds',
        timestamptz '2024-06-01' + number * interval '5 seconds', null
    from generate_series(1, {rows}) as number
"""
_CHANGES = """
    update app.group_orders
    set status = 'cancelled',
        updated_at = timestamptz '2025-08-30' + %(time)s * interval '2 hours'
            + id * interval '1 millisecond'
    where id %% 100 = 0
"""
_KEEP = "alter table app.group_orders disable trigger all"


def write_events(folder: Path, events: int) -> list[Path]:
    """Compressed lines of some 600 bytes each, in files of a million."""
    paths = []
    with duckdb.connect() as connection:
        connection.execute("set preserve_insertion_order = false; set memory_limit = '1GB'")
        for number, first in enumerate(range(0, events, PART_EVENTS), start=1):
            path = folder / f"events-{number:03d}.ndjson.gz"
            last = min(first + PART_EVENTS, events)
            connection.execute(_EVENTS.format(first=first, last=last, path=path))
            lines_file(path).write_text(str(last - first))
            paths.append(path)
    return paths


def lines_file(path: Path) -> Path:
    """The file beside an export that holds the number of its lines."""
    return path.with_suffix(".lines")


def write_orders(url: str, rows: int) -> None:
    """Orders of the product, without the users and workspaces they speak of."""
    with psycopg.connect(url) as connection:
        connection.execute(_KEEP)
        connection.execute(_ORDERS.format(rows=rows))  # type: ignore[call-overload]
        connection.execute("create index on app.group_orders (updated_at)")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze app.group_orders")


def change_orders(url: str, time: int) -> None:
    """Change one order in a hundred, the ``time``-th time."""
    with psycopg.connect(url) as connection:
        connection.execute(_CHANGES, {"time": time})
