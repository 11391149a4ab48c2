"""Whether audiences, value moments, overage and quarantine say what was planted."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from sandbox.score_metric import Connection, Metric, row, share

CHAIN = (
    "aud_base_workspaces",
    "aud_overage_self_serve",
    "aud_overage_no_sales",
    "aud_overage_high_usage",
)


def audience(parent: str, child: str) -> Callable[[Connection], Metric]:
    """The metric of one edge: child strictly inside its parent, parent = child + excluded."""

    def nested(connection: Connection) -> Metric:
        parents, children, outside, unexplained, doubly = row(
            connection,
            f"""
            with excluded as (
                select distinct workspace_id from marts.aud_exclusion_log where audience = $child
            )
            select
                (select count(*) from marts.{parent}),
                (select count(*) from marts.{child}),
                (select count(*) from marts.{child}
                    where workspace_id not in (select workspace_id from marts.{parent})),
                (select count(*) from marts.{parent}
                    where workspace_id not in (select workspace_id from marts.{child})
                        and workspace_id not in (select workspace_id from excluded)),
                (select count(*) from excluded
                    where workspace_id in (select workspace_id from marts.{child})
                        or workspace_id not in (select workspace_id from marts.{parent}))
            """,
            {"child": child},
        )
        holds = 0 < children < parents and not outside and not unexplained and not doubly
        return Metric(
            f"{child} strictly inside {parent}",
            float(holds),
            1.0,
            parents,
            f"{children} of {parents}, {parents - children} excluded with a reason; "
            f"{outside} outside, {unexplained} unexplained, {doubly} both",
        )

    return nested


def planted_roles(connection: Connection) -> Metric:
    """The share of planted workspaces that are in exactly the audiences of their role."""
    right, planted = row(
        connection,
        """
        with planted as (
            select
                workspace_id,
                role,
                bool_or(used > included) as is_over
            from truth_overage
            where role is not null
                and period_start = (select max(period_start) from truth_overage)
            group by workspace_id, role
        ),
        found as (
            select
                planted.*,
                workspace_id in (select workspace_id from marts.aud_overage_self_serve) as at_1,
                workspace_id in (select workspace_id from marts.aud_overage_no_sales) as at_2,
                workspace_id in (select workspace_id from marts.aud_overage_high_usage) as at_3
            from planted
        )
        select
            count(*) filter (where case
                when not is_over or role = 'extension' then not at_1
                when role in ('opportunity', 'parent_opportunity', 'sheet_workspace',
                    'sheet_account', 'sheet_domain', 'no_consent') then at_1 and not at_2
                when role = 'high_use_high_fit' then at_3
                when role like '%low_fit' then at_2 and not at_3
                else at_2 end),
            count(*)
        from found
        """,
    )
    return Metric(
        "planted workspaces in the audiences of their role", share(right, planted), 0.9, planted
    )


def value_moments(connection: Connection) -> Metric:
    """The share of (account, moment) on which warehouse and truth agree, by time and number."""
    agreed, every = row(
        connection,
        """
        with workspaces as (
            select workspace_id, account_key, created_at
            from marts.dim_workspaces
            where account_key is not null and not is_test and not is_internal
        ),
        started as (
            select account_key, min(created_at) as at from workspaces group by account_key
        ),
        counted as (
            select
                workspaces.account_key,
                truth.event_name,
                truth.threshold,
                truth.event_at,
                row_number() over (
                    partition by workspaces.account_key, truth.event_name order by truth.event_at
                ) as number
            from truth_moment as truth
            inner join workspaces using (workspace_id)
            inner join started using (account_key)
            where truth.event_at >= started.at
                and truth.event_at < started.at + to_days(truth.window_days)
        ),
        expected as (
            select account_key, event_name, count(*) as occurrences,
                max(event_at) filter (where number = threshold) as reached_at
            from counted
            group by account_key, event_name, threshold
            having count(*) >= threshold
        ),
        found as (
            select moments.account_key, rules.event_name, moments.occurrences, moments.reached_at
            from marts.fct_value_moments as moments
            inner join seeds.value_moments as rules
                on moments.moment_id = rules.moment_id
                and moments.moment_version = rules.version
        )
        select
            count(*) filter (where expected.occurrences = found.occurrences
                and expected.reached_at = found.reached_at),
            count(*)
        from expected
        full outer join found using (account_key, event_name)
        """,
    )
    return Metric("value moments equal to the truth", share(agreed, every), 1.0, every)


def overage(connection: Connection) -> Metric:
    """The share of (workspace, meter, month) whose used and included units equal the truth."""
    agreed, every = row(
        connection,
        """
        select
            count(*) filter (where truth.used = known.used
                and truth.included is not distinct from known.included),
            count(*)
        from truth_overage as truth
        left join marts.fct_usage_periods as known using (workspace_id, meter, period_start)
        """,
    )
    return Metric("usage periods equal to the truth", share(agreed, every), 1.0, every)


def quarantine(connection: Connection) -> Metric:
    """Distinct quarantined lines of the export against the malformed and actorless ones planted."""
    planted, found = row(
        connection,
        """
        select
            (select sum(count) from truth_quality
                where kind in ('malformed_line', 'event_without_distinct_id')),
            (select count(distinct md5(record::varchar)) from landing.quarantine
                where source = 'mixpanel' and stream = 'events')
        """,
    )
    planted = int(planted or 0)
    return Metric(
        "export lines in quarantine as planted",
        float(planted == found),
        1.0,
        planted,
        f"{found} found, {planted} planted",
    )


def duplicates_and_strangers(connection: Connection) -> Metric:
    """Accepted events against all lines less every kind of planted dirt."""
    planted, found = row(
        connection,
        """
        select
            (select sum(case when kind = 'exported_line' then count else -count end)
                from truth_quality
                where kind = 'exported_line' or kind like '%event%' or kind = 'malformed_line'),
            (select count(*) from marts.fct_events)
        """,
    )
    return Metric(
        "accepted events to clean events",
        share(found, planted),
        None,
        int(planted or 0),
        "staff's and test workspaces' own events are left out of the accepted",
    )


METRICS = (
    *(audience(parent, child) for parent, child in pairwise(CHAIN)),
    planted_roles,
    value_moments,
    overage,
    quarantine,
    duplicates_and_strangers,
)
