{#- An expression over other KPIs, which meet on bucket and segment. -#}
{% include "header.sql" %}
{{ create_table(relation) }}
WITH inputs AS (
{% for input in inputs %}
  SELECT
    {{ "period" | ident }},
    {{ "segment_by" | ident }},
    {{ "segment" | ident }},
    {{ "n" | ident }},
    {{ "immature" | ident }},
    CASE WHEN {{ "mature" | ident }} THEN 1 ELSE 0 END AS {{ "mature" | ident }},
{% for other in inputs %}
    {% if other.name == input.name %}{{ "value" | ident }}{% else %}CAST(NULL AS {{ type("float") }}){% endif %} AS value_{{ loop.index }}{{ "," | when(not loop.last) }}
{% endfor %}
  FROM {{ input.relation | table }}
  WHERE {{ "segment_by" | ident }} IS NULL{% if dimensions %} OR {{ "segment_by" | ident }} IN ({% for dimension in dimensions %}{{ dimension | literal }}{{ ", " | when(not loop.last) }}{% endfor %}){% endif %}

{% if not loop.last %}
  UNION ALL
{% endif %}
{% endfor %}
),
met AS (
  SELECT
    inputs.{{ "period" | ident }},
    inputs.{{ "segment_by" | ident }},
    inputs.{{ "segment" | ident }},
{% for input in inputs %}
    MAX(inputs.value_{{ loop.index }}) AS value_{{ loop.index }},
{% endfor %}
    MIN(inputs.{{ "n" | ident }}) AS {{ "n" | ident }},
    MAX(inputs.{{ "immature" | ident }}) AS {{ "immature" | ident }},
    MIN(inputs.{{ "mature" | ident }}) AS {{ "mature" | ident }}
  FROM inputs
  GROUP BY 1, 2, 3
),
combined AS (
  SELECT
    met.{{ "period" | ident }},
    met.{{ "segment_by" | ident }},
    met.{{ "segment" | ident }},
    CAST(NULL AS {{ type("float") }}) AS {{ "numerator" | ident }},
    CAST(NULL AS {{ type("float") }}) AS {{ "denominator" | ident }},
    CAST({{ value }} AS {{ type("float") }}) AS {{ "value" | ident }},
    met.{{ "n" | ident }},
    met.{{ "immature" | ident }},
    met.{{ "mature" | ident }}
  FROM met
)
{% include "kpi_columns.sql" %}
