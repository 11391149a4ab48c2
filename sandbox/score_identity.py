"""How well people and accounts were told apart and put together."""

from __future__ import annotations

from sandbox.score_metric import Connection, Metric, row, share

_COMPARED = """
    with known as (
        select
            id_type,
            case when id_type = 'email'
                then regexp_replace(lower(trim(id_value)), '\\+[^@]*@', '@')
                else id_value end as id_value,
            person_key
        from marts.person_identifiers
    ),
    truth as (
        select
            id_type,
            case when id_type = 'email'
                then regexp_replace(lower(trim(id_value)), '\\+[^@]*@', '@')
                else id_value end as id_value,
            human_id
        from truth_person_identifier
    ),
    compared as (
        select distinct known.id_type, known.id_value, known.person_key, truth.human_id
        from known
        inner join truth using (id_type, id_value)
    )
"""

_PAIRS = (
    _COMPARED
    + """,
    together as (
        select
            (select sum(n * (n - 1) // 2) from
                (select count(*) as n from compared group by person_key, human_id)) as of_both,
            (select sum(n * (n - 1) // 2) from
                (select count(*) as n from compared group by person_key)) as of_person,
            (select sum(n * (n - 1) // 2) from
                (select count(*) as n from compared group by human_id)) as of_human
    )
    select of_both, of_person, of_human from together
"""
)

ACCOUNT_COMPANY = """
    account_company as (
        select account_key, arg_min(company_id, (-weight, company_id)) as company_id
        from (
            select
                known.account_key,
                truth.company_id,
                sum(case known.id_type when 'sfdc_account_id' then 1000 else 1 end) as weight
            from marts.account_identifiers as known
            inner join truth_account_identifier as truth using (id_type, id_value)
            group by known.account_key, truth.company_id
        )
        group by account_key
    )
"""
"""The real company behind an account: that of its Salesforce account, else of most identifiers."""


def pairwise_precision(connection: Connection) -> Metric:
    """Of the pairs of identifiers that share a person, how many share a human."""
    both, person, _ = row(connection, _PAIRS)
    return Metric("identity pairwise precision", share(both, person), 0.99, int(person or 0))


def pairwise_recall(connection: Connection) -> Metric:
    """Of the pairs of identifiers of one human, how many share a person."""
    both, _, human = row(connection, _PAIRS)
    return Metric("identity pairwise recall", share(both, human), 0.98, int(human or 0))


def people_of_one_human(connection: Connection) -> Metric:
    """The share of people who are one human; the others are over-merged."""
    merged, people = row(
        connection,
        _COMPARED
        + """
        select count(*) filter (where humans > 1), count(*)
        from (select count(distinct human_id) as humans from compared group by person_key)
        """,
    )
    return Metric(
        "people who are one human", 1 - share(merged, people), 0.99, people, f"{merged} over-merged"
    )


def identifiers_compared(connection: Connection) -> Metric:
    """How many of the warehouse's identifiers the truth knows; the rest belong to nobody known."""
    compared, held = row(
        connection,
        _COMPARED
        + """
        select
            (select count(distinct (id_type, id_value)) from compared),
            (select count(distinct (id_type, id_value)) from known)
        """,
    )
    missing = held - compared
    return Metric(
        "identifiers known to the truth",
        share(compared, held),
        None,
        held,
        f"{missing:,} of visitors, bots, shared devices and inboxes, leads made by Headwater",
    )


_MATCHES = f"""
    with {ACCOUNT_COMPANY},
    judged as (
        select
            matches.subject_type,
            matches.account_key is not null as is_matched,
            coalesce(account_company.company_id = truth.company_id, false) as is_right
        from marts.lead_account_matches as matches
        inner join truth_account_match as truth using (subject_type, subject_id)
        left join account_company on matches.account_key = account_company.account_key
    )
    select
        count(*) filter (where is_matched and is_right),
        count(*) filter (where is_matched),
        count(*)
    from judged
"""


def match_precision(connection: Connection) -> Metric:
    """Of the leads and users with an account, how many have the right company."""
    right, matched, _ = row(connection, _MATCHES)
    return Metric("account match precision", share(right, matched), 0.97, matched)


def match_recall(connection: Connection) -> Metric:
    """Of all leads and users, how many have an account of the right company."""
    right, _, subjects = row(connection, _MATCHES)
    return Metric("account match recall", share(right, subjects), 0.9, subjects)


def leads_matched_naively(connection: Connection) -> Metric:
    """What leads would get by the account whose website is the host of their address."""
    right, matched, leads = row(
        connection,
        """
        with naive as (
            select leads.sfdc_lead_id, min(accounts.sfdc_account_id) as sfdc_account_id
            from staging.stg_salesforce__lead as leads
            inner join staging.stg_salesforce__account as accounts
                on leads.email_host = accounts.website_host
            where not accounts.is_deleted
            group by leads.sfdc_lead_id
        )
        select
            count(*) filter (where companies.company_id = truth.company_id),
            count(naive.sfdc_lead_id),
            count(*)
        from truth_account_match as truth
        left join naive on truth.subject_id = naive.sfdc_lead_id
        left join truth_account_identifier as companies
            on companies.id_type = 'sfdc_account_id'
            and naive.sfdc_account_id = companies.id_value
        where truth.subject_type = 'sfdc_lead'
        """,
    )
    return Metric(
        "leads matched by website alone, beside it",
        share(right, leads),
        None,
        int(leads or 0),
        f"recall; precision {share(right, matched):.4f}",
    )


def accounts_of_one_company(connection: Connection) -> Metric:
    """Of the identifiers in accounts, how many belong to the account's company."""
    right, known = row(
        connection,
        f"""
        with {ACCOUNT_COMPANY}
        select count(*) filter (where truth.company_id = account_company.company_id), count(*)
        from marts.account_identifiers as known
        inner join truth_account_identifier as truth using (id_type, id_value)
        inner join account_company on known.account_key = account_company.account_key
        """,
    )
    return Metric("account identifiers in the right account", share(right, known), 0.95, known)


METRICS = (
    pairwise_precision,
    pairwise_recall,
    people_of_one_human,
    identifiers_compared,
    match_precision,
    match_recall,
    leads_matched_naively,
    accounts_of_one_company,
)
