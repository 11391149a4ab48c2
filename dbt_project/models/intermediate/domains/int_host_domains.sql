-- The registrable domain of each host by the algorithm of https://publicsuffix.org/list/: an
-- exception rule wins, else the rule with the most labels, else the last label is the suffix.
with hosts as (

    select * from {{ ref('int_hosts') }}

),

public_suffixes as (

    select * from {{ ref('public_suffixes') }}

),

free_mail_domains as (

    select * from {{ ref('free_mail_domains') }}

),

isp_domains as (

    select * from {{ ref('isp_domains') }}

),

disposable_domains as (

    select * from {{ ref('disposable_domains') }}

),

aggregator_domains as (

    select * from {{ ref('aggregator_domains') }}

),

institution_suffixes as (

    select * from {{ ref('institution_suffixes') }}

),

internal_domains as (

    select * from {{ ref('internal_domains') }}

),

labels as (

    select
        host,
        {{ split_labels('host') }} as labels
    from hosts

),

endings as (

    select
        labels.host,
        labels.labels,
        positions.position,
        {{ join_labels('labels.labels', 'positions.position') }} as ending
    from labels
    cross join {{ number_series('positions', 'position', 1, 127) }}
    where positions.position <= {{ count_labels('labels.labels') }}

),

rules as (

    select
        endings.host,
        case public_suffixes.rule
            when 'normal' then endings.position
            when 'wildcard' then endings.position - 1
            else endings.position + 1
        end as suffix_position,
        public_suffixes.rule = 'exception' as is_exception
    from endings
    inner join public_suffixes on endings.ending = public_suffixes.suffix
    where public_suffixes.rule <> 'wildcard' or endings.position > 1

),

suffix_positions as (

    select
        labels.host,
        labels.labels,
        coalesce(
            min(case when rules.is_exception then rules.suffix_position end),
            min(rules.suffix_position),
            {{ count_labels('any_value(labels.labels)') }}
        ) as suffix_position
    from labels
    left join rules on labels.host = rules.host
    group by labels.host, labels.labels

),

domains as (

    select
        host,
        {{ join_labels('labels', 'suffix_position') }} as public_suffix,
        case
            -- IP addresses and reserved names (RFC 2606, RFC 6762) are nobody's domain
            when regexp_matches(host, '(^[0-9.]+|\.(test|example|invalid|local|localhost))$') then null
            when suffix_position > 1 then {{ join_labels('labels', 'suffix_position - 1') }}
        end as domain
    from suffix_positions

),

final as (

    select
        domains.host,
        domains.domain,
        domains.public_suffix,
        case
            when domains.domain is null then 'none'
            when internal_domains.domain is not null then 'internal'
            when free_mail_domains.domain is not null then 'free_mail'
            when isp_domains.domain is not null then 'isp'
            when
                disposable_domains.domain is not null
                or disposable_hosts.domain is not null
                then 'disposable'
            when
                aggregator_domains.domain is not null
                or aggregator_suffixes.domain is not null
                then 'aggregator'
            when institution_suffixes.domain_class is not null then institution_suffixes.domain_class
            else 'corporate'
        end as domain_class
    from domains
    left join internal_domains on domains.domain = internal_domains.domain
    left join free_mail_domains on domains.domain = free_mail_domains.domain
    left join isp_domains on domains.domain = isp_domains.domain
    left join disposable_domains on domains.domain = disposable_domains.domain
    left join disposable_domains as disposable_hosts on domains.host = disposable_hosts.domain
    left join aggregator_domains on domains.domain = aggregator_domains.domain
    left join
        aggregator_domains as aggregator_suffixes
        on domains.public_suffix = aggregator_suffixes.domain
    left join institution_suffixes on domains.public_suffix = institution_suffixes.suffix

)

select * from final
