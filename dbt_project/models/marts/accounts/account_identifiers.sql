with identifiers as (

    select * from {{ ref('int_accounts__identifiers') }}

),

account_key_registry as (

    select * from {{ ref('account_key_registry') }}

),

anchors as (

    select
        identifiers.account_root,
        {{ first_by('account_key_registry.node', ['account_key_registry.sequence']) }} as anchor
    from identifiers
    inner join
        account_key_registry
        on
            {{ identity_node('identifiers.id_type', 'identifiers.id_value') }}
            = account_key_registry.node
    group by identifiers.account_root

),

final as (

    select
        identifiers.id_type,
        identifiers.id_value,
        {{ md5_key(["'account'", 'anchors.anchor']) }} as account_key,
        identifiers.rule_id,
        identifiers.confidence,
        identifiers.account_root
    from identifiers
    inner join anchors on identifiers.account_root = anchors.account_root

)

select * from final
