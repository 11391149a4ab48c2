"""The difference of a sync over a large model of which few rows changed, against an anti-join."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import Figure, median_seconds
from headwater.settings import Settings
from headwater.warehouse import attached, connect
from syncs import difference
from syncs.registry import definition
from syncs.state import open_state

SYNC = "salesforce__account_scores"
CHANGED_EVERY = 100

_MODEL = """
    create schema if not exists activation;
    create or replace table activation.salesforce__account_scores as
    select
        '001' || lpad(range::varchar, 15, '0') as sfdc_account_id,
        chr(65 + (range % 4)::integer) as icp_tier,
        (range % 101)::integer as icp_score,
        'Industry: FinTech (+20); Employees: ' || range % 500 as icp_reasons,
        range % 10 = 0 as is_pql,
        case when range % 10 = 0 then 'At the limit of its plan' end as pql_reasons,
        null::varchar as current_icp_tier,
        null::integer as current_icp_score,
        null::varchar as current_icp_reasons,
        null::boolean as current_is_pql,
        null::varchar as current_pql_reasons
    from range(?)
"""
_ACKNOWLEDGED = """
    insert into sent (key, model_hash, fields, destination_id, acknowledged_at, run_id)
    select key, model_hash, after, key, timestamp '2025-08-29', 'bench' from planned
"""
_CHANGE = f"""
    update activation.salesforce__account_scores
    set icp_score = icp_score + 1
    where substr(sfdc_account_id, 4)::bigint % {CHANGED_EVERY} = 0
"""
_ANTI_JOIN = """
    create or replace temp table floor as
    select model.sfdc_account_id
    from warehouse.activation.salesforce__account_scores as model
    anti join sent on sent.key = model.sfdc_account_id
        and json_extract_string(sent.fields, 'PLG_ICP_Score__c') = model.icp_score::varchar
"""


def measure(rows: int, runs: int) -> Figure:
    """Model rows compared a second, one in a hundred changed."""
    with TemporaryDirectory(prefix="headwater-bench-") as place:
        settings = Settings(home=Path(place))
        sync = definition(SYNC)
        with connect(settings) as warehouse:
            warehouse.execute(_MODEL, [rows])
        with open_state(settings, SYNC) as state:
            difference.compute(state, sync, settings)
            state.compute.execute(_ACKNOWLEDGED)
        with connect(settings) as warehouse:
            warehouse.execute(_CHANGE)
        with open_state(settings, SYNC) as state:

            def compared() -> None:
                found = difference.compute(state, sync, settings)
                if found.counts.updated != -(-rows // CHANGED_EVERY):
                    raise AssertionError(f"not the changed rows were found: {found}")

            def joined() -> None:
                with attached(state.compute, settings):
                    state.compute.execute(_ANTI_JOIN)

            return Figure(
                name="sync difference",
                amount=rows,
                unit="rows",
                runs=runs,
                seconds=median_seconds(compared, runs),
                floor="one anti-join on key and one field",
                floor_seconds=median_seconds(joined, runs),
            )
