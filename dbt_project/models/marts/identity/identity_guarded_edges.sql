with edges as (

    select * from {{ ref('int_identity__edges_exclusive') }}

),

final as (

    select
        {{ md5_key(['left_node', 'right_node']) }} as edge_key,
        left_type,
        left_value,
        right_type,
        right_value,
        rule_id,
        strength,
        source_record,
        guard,
        guarded_node as guarded_identifier,
        first_seen_at,
        last_seen_at
    from edges
    where guard is not null

)

select * from final
