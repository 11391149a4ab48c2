"""Which account everybody belongs to, by which rule, and what the rules disagree about."""

from __future__ import annotations

import duckdb
import pytest

from tests.dbt.identity.known_people import ACME, ACME_OLD, ACME_TWIN, GLOBEX, WEBSITES, lead


@pytest.mark.parametrize(
    ("subject_type", "subject_id", "rule_id", "sfdc_account_id"),
    [
        ("user", "1", "org_map", ACME),
        ("user", "2", "inviter", ACME),
        ("user", "5", "inviter", ACME),
        ("user", "3", "org_map", ACME),
        ("user", "4", "org_map", None),
        ("user", "7", "none", None),
        ("sfdc_lead", lead(1), "org_map", ACME),
        ("sfdc_lead", lead(3), "email_domain_website", ACME),
        ("sfdc_lead", lead(6), "own_domain", None),
        ("sfdc_lead", lead(8), "name_exact_support", GLOBEX),
        ("sfdc_lead", lead(9), "none", None),
        ("sfdc_lead", lead(10), "same_record", GLOBEX),
    ],
)
def test_rule_that_decides(
    people: duckdb.DuckDBPyConnection,
    subject_type: str,
    subject_id: str,
    rule_id: str,
    sfdc_account_id: str | None,
) -> None:
    found = people.execute(
        "select rule_id, sfdc_account_id from marts.lead_account_matches "
        "where subject_type = ? and subject_id = ?",
        [subject_type, subject_id],
    ).fetchone()
    assert found == (rule_id, sfdc_account_id)


def test_merged_away_account_counts_to_its_winner(people: duckdb.DuckDBPyConnection) -> None:
    keys = people.execute(
        "select count(distinct account_key) from marts.account_identifiers "
        "where (id_type = 'sfdc_account_id' and id_value in (?, ?)) "
        "or (id_type = 'organization_id' and id_value = '1') "
        "or (id_type = 'domain' and id_value = 'acme.com')",
        [ACME, ACME_OLD],
    ).fetchone()
    assert keys == (1,)


def test_free_mail_makes_an_account_of_each_organization(
    people: duckdb.DuckDBPyConnection,
) -> None:
    roots = people.execute(
        "select id_value, account_root from marts.account_identifiers "
        "where id_type = 'organization_id' and id_value in ('3', '4') order by id_value"
    ).fetchall()
    assert roots == [("3", "organization_id:3"), ("4", "organization_id:4")]


def test_disagreements_are_listed(people: duckdb.DuckDBPyConnection) -> None:
    conflicts = people.execute(
        "select conflict_type, subject_id, other_account from marts.account_conflicts order by all"
    ).fetchall()
    assert conflicts == [
        ("domain_claimed_twice", "acme.com", f"sfdc_account_id:{ACME_TWIN}"),
        ("mapping_names_no_live_account", "4", "sfdc_account_id:not an id"),
    ]


def test_registrable_domains_of_nasty_websites(people: duckdb.DuckDBPyConnection) -> None:
    found = dict(
        people.execute(
            "select leads.sfdc_lead_id, domains.domain "
            "from staging.stg_salesforce__lead as leads "
            "left join intermediate.int_host_domains as domains "
            "on leads.website_host = domains.host"
        ).fetchall()
    )
    assert {website: found[lead(1000 + n)] for n, website in enumerate(WEBSITES)} == WEBSITES
