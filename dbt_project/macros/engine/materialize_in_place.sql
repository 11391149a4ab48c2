{#-
Tables and views are replaced in place, in one transaction: readers see the old one until the new
one is whole, and a model that fails leaves the old one as it was.

dbt-duckdb's own way builds under another name, renames twice and drops what it renamed. On an engine
whose DDL is transactional that buys nothing and costs a quarter of a staging step's time
(docs/decisions/0003-dbt-in-process.md).
-#}
{% materialization table, adapter="duckdb", supported_languages=["sql"] %}
    {%- set target = this.incorporate(type="table") -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {{ headwater__drop_existing() }}
    {% call statement("main") -%}
        {{ create_table_as(False, target, sql) }}
    {%- endcall %}
    {% do create_indexes(target) %}
    {{ headwater__finish(target) }}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}


{% materialization view, adapter="duckdb", supported_languages=["sql"] %}
    {%- set target = this.incorporate(type="view") -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {{ headwater__drop_existing() }}
    {% call statement("main") -%}
        {{ get_create_view_as_sql(target, sql) }}
    {%- endcall %}
    {{ headwater__finish(target) }}
    {{ return({"relations": [target]}) }}
{% endmaterialization %}


{% macro headwater__drop_existing() %}
    {%- set existing = load_cached_relation(this) -%}
    {% if existing is not none %}
        {% do adapter.drop_relation(existing) %}
    {% endif %}
{% endmacro %}


{% macro headwater__finish(target) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{% endmacro %}
