"""The tables of what a sync remembers, for both places that keep them.

In DuckDB each sync has a file of its own. In PostgreSQL all syncs share the tables, which have the
column ``sync`` besides, and a session sees the rows of its sync (``syncs/postgres_state.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

TABLES = ("sent", "outbox", "refused", "edits", "attempts", "runs")


@dataclass(frozen=True)
class Dialect:
    """Types: ``hash`` of an md5, ``json`` of JSON text. ``scope``: columns before the others."""

    hash: str
    json: str
    scope: str = ""


def steps(dialect: Dialect) -> tuple[tuple[str, ...], ...]:
    """The statements that lead to each version of the tables."""
    return (
        (*_created(dialect), *_added_before_versions(dialect)),
        ("alter table outbox add column parent varchar",),  # rows of one travel together
        ("alter table refused add column writing varchar",),  # md5 of how its row is written
    )


def _created(dialect: Dialect) -> tuple[str, ...]:
    scope, md5, json = dialect.scope, dialect.hash, dialect.json
    return (
        f"""
        create table if not exists sent (
            {scope}
            key varchar not null,           -- the key as delivered
            model_hash {md5},               -- md5 of the model row that was acknowledged
            fields {json},                  -- per field, what the destination acknowledged last
            destination_id varchar,         -- what the destination calls the record
            acknowledged_at timestamp not null,
            run_id varchar not null
        )
        """,
        f"""
        create table if not exists outbox (
            {scope}
            run_id varchar not null,
            seq bigint not null,            -- order of delivery within the run
            key varchar not null,
            operation varchar not null,     -- create, update, remove
            fields {json} not null,         -- what is sent
            before {json} not null,         -- what the destination acknowledged for these before
            after {json} not null,          -- what `sent` says once this is acknowledged
            model_hash {md5},
            token varchar not null,         -- the same whenever this key is sent
            destination_id varchar,
            batch_id varchar,
            state varchar not null,  -- pending, in_flight, delivered, rejected, unknown, superseded
            code varchar,
            message varchar,
            attempts integer not null,
            settled boolean not null,       -- `sent` or `refused` knows of it
            changed_at timestamp not null,
            content {md5},                  -- md5 of operation and fields as planned
            suspect boolean,                -- spoiled its batch before: travels apart
            spoils boolean                  -- the destination refused its batch because of it
        )
        """,
        f"""
        create table if not exists refused (
            {scope}
            key varchar not null,
            content {md5} not null,         -- md5 of the operation and the fields refused
            operation varchar not null,
            fields {json} not null,
            code varchar,
            message varchar,
            spoils boolean not null,        -- the destination refuses the whole batch for it
            attempts integer not null,      -- runs in which it was refused
            first_seen_at timestamp not null,
            last_seen_at timestamp not null,
            retry_at timestamp,             -- not before; null: with the next run
            destination_fields varchar      -- md5 of the destination's fields at the last refusal
        )
        """,
        f"""
        create table if not exists edits (  -- fields that others were seen to have changed
            {scope}
            run_id varchar not null,
            key varchar not null,
            field varchar not null,
            written {json},                 -- what we wrote last
            found {json},                   -- what was there instead
            wanted {json},                  -- what the model says
            kept boolean not null,          -- theirs stayed
            seen_at timestamp not null
        )
        """,
        f"""
        create table if not exists attempts (
            {scope}
            batch_id varchar not null,      -- one call or job
            run_id varchar not null,
            handle varchar,                 -- what the vendor calls it
            rows integer not null,
            started_at timestamp not null,
            finished_at timestamp
        )
        """,
        f"""
        create table if not exists runs (
            {scope}
            run_id varchar not null,
            cycle_id varchar,
            as_of timestamp,
            started_at timestamp not null,
            finished_at timestamp,
            status varchar not null,        -- running, or how it ended
            reason varchar,
            planned bigint not null default 0,
            created bigint not null default 0,
            updated bigint not null default 0,
            removed bigint not null default 0,
            adopted bigint not null default 0,
            unchanged bigint not null default 0,
            recovered bigint not null default 0,
            rejected bigint not null default 0,
            quarantined bigint default 0,   -- refused too often: not planned until let go
            owed bigint not null default 0,
            calls bigint not null default 0,
            least_calls bigint not null default 0,
            warehouse_seconds double precision not null default 0,
            model_rows bigint,              -- rows of the model when it was compared
            request varchar,                -- what a person asked of this run
            left_out bigint,                -- planned rows that the request left out
            audited boolean,                -- its file of the audit is written
            fence bigint                    -- counts up; only the newest run may write
        )
        """,
    )


def _added_before_versions(dialect: Dialect) -> tuple[str, ...]:
    """Columns that files from before there were versions may lack."""
    md5 = dialect.hash
    return tuple(
        f"alter table {table} add column if not exists {column}"
        for table, column in (
            ("outbox", f"content {md5}"),
            ("outbox", "suspect boolean"),
            ("outbox", "spoils boolean"),
            ("runs", "fence bigint"),
            ("runs", "model_rows bigint"),
            ("runs", "request varchar"),
            ("runs", "left_out bigint"),
            ("runs", "audited boolean"),
            ("runs", "quarantined bigint default 0"),
        )
    )
