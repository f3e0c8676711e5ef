{#- Forms that mean the same on every warehouse, for templates to import:
      {% import "macros.sql" as sql with context %}  …  {{ sql.nulls_last(x) }} -#}

{#- A sort key for the inside of a window or an aggregate: nulls come last, in either direction. -#}
{% macro nulls_last(value, descending=false) -%}
CASE WHEN {{ value }} IS NULL THEN 1 ELSE 0 END, {{ value }}{% if descending %} DESC{% endif %}

{%- endmacro %}

{#- The number of a row, from 1, in a total order: what is told apart by nothing else is told apart by `id`. -#}
{% macro row_number(partition, order, id, descending=false) -%}
ROW_NUMBER() OVER (PARTITION BY {{ partition }} ORDER BY {{ nulls_last(order, descending) }}, {{ id }})
{%- endmacro %}
