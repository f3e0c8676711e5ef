{#- One row a bucket and segment. Each side is aggregated alone over its own rows; they meet on bucket and segment. -#}
{% include "header.sql" %}
{{ create_table(relation) }}
WITH segments AS (
  SELECT *
  FROM {{ constants("segment_rows", ["number", "segment_by"], segments) }}
),
{% for side in sides %}
{{ side.name }}_rows AS (
  SELECT
    {{ side.period }} AS {{ "period" | ident }},
{% for dimension in side.dimensions %}
    {{ dimension }} AS dimension_{{ loop.index }},
{% endfor %}
{% for measure in side.measures %}
    {{ measure.value }} AS {{ measure.role | ident }},
{% endfor %}
    {{ side.counts }} AS {{ "counts" | ident }},
    {{ side.open }} AS {{ "open" | ident }}
  FROM {{ side.relation | table }} AS {{ side.alias }}
{% if side.population %}
  JOIN {{ side.population.relation | table }} AS population
    ON population.{{ "entity" | ident }} = {{ side.alias }}.{{ side.key | ident }} AND population.{{ "milestone" | ident }} = {{ side.population.name | literal }}
{% endif %}
{% if side.entity %}
  {{ side.entity.join }} {{ side.entity.relation | table }} AS entity_row ON entity_row.{{ side.entity.key | ident }} = {{ side.alias }}.{{ side.key | ident }}
{% endif %}
{% for other in side.waiting %}
  LEFT JOIN {{ other.relation | table }} AS {{ other.alias }} ON {{ other.alias }}.{{ other.key | ident }} = {{ side.alias }}.{{ side.key | ident }}
{% endfor %}
{% if side.conditions %}
  WHERE {% for condition in side.conditions %}{{ condition }}{% if not loop.last %}

    AND {% endif %}{% endfor %}

{% endif %}
),
{{ side.name }}_segments AS (
  SELECT
    side_rows.{{ "period" | ident }},
    segments.{{ "segment_by" | ident }},
{% if side.dimensions %}
    CASE segments.{{ "number" | ident }}
{% for dimension in side.dimensions %}
      WHEN {{ loop.index }} THEN COALESCE(side_rows.dimension_{{ loop.index }}, {{ "(none)" | literal }})
{% endfor %}
    END AS {{ "segment" | ident }},
{% else %}
    CAST(NULL AS {{ type("string") }}) AS {{ "segment" | ident }},
{% endif %}
{% for measure in side.measures %}
    side_rows.{{ measure.role | ident }},
{% endfor %}
    side_rows.{{ "counts" | ident }},
    side_rows.{{ "open" | ident }}
  FROM {{ side.name }}_rows AS side_rows
  CROSS JOIN segments
),
{% if share %}
{{ side.name }}_ranks AS (
  SELECT
    ranked.{{ "period" | ident }},
    ranked.{{ "segment_by" | ident }},
    ranked.{{ "segment" | ident }},
    ranked.{{ "numerator" | ident }},
    ROW_NUMBER() OVER (
      PARTITION BY ranked.{{ "period" | ident }}, ranked.{{ "segment_by" | ident }}, ranked.{{ "segment" | ident }}
      ORDER BY ranked.{{ "numerator" | ident }}
    ) - 1 AS {{ "rank_from_zero" | ident }},
    {{ share }} * (COUNT(*) OVER (
      PARTITION BY ranked.{{ "period" | ident }}, ranked.{{ "segment_by" | ident }}, ranked.{{ "segment" | ident }}
    ) - 1) AS {{ "position" | ident }}
  FROM {{ side.name }}_segments AS ranked
  WHERE ranked.{{ "counts" | ident }} AND ranked.{{ "numerator" | ident }} IS NOT NULL
),
{{ side.name }}_values AS (
  SELECT
    ranks.{{ "period" | ident }},
    ranks.{{ "segment_by" | ident }},
    ranks.{{ "segment" | ident }},
    {{ ranked }} AS {{ "numerator" | ident }},
    COUNT(*) AS {{ "n" | ident }},
    0 AS {{ "immature" | ident }}
  FROM {{ side.name }}_ranks AS ranks
  GROUP BY 1, 2, 3
),
{{ side.name }}_open AS (
  SELECT
    segmented.{{ "period" | ident }},
    segmented.{{ "segment_by" | ident }},
    segmented.{{ "segment" | ident }},
    COUNT(CASE WHEN segmented.{{ "open" | ident }} THEN 1 END) AS {{ "immature" | ident }}
  FROM {{ side.name }}_segments AS segmented
  GROUP BY 1, 2, 3
),
{% else %}
{{ side.name }}_values AS (
  SELECT
    segmented.{{ "period" | ident }},
    segmented.{{ "segment_by" | ident }},
    segmented.{{ "segment" | ident }},
{% for measure in side.all_measures %}
    {{ measure.aggregate }} AS {{ measure.role | ident }},
{% endfor %}
{% if side.closed %}
    COUNT(CASE WHEN segmented.{{ "counts" | ident }} THEN 1 END) AS {{ "closed" | ident }},
{% endif %}
    {{ side.rows }} AS {{ "n" | ident }},
    COUNT(CASE WHEN segmented.{{ "open" | ident }} THEN 1 END) AS {{ "immature" | ident }}
  FROM {{ side.name }}_segments AS segmented
  GROUP BY 1, 2, 3
),
{% endif %}
{% endfor %}
combined AS (
  SELECT
    sides.{{ "period" | ident }},
    sides.{{ "segment_by" | ident }},
    sides.{{ "segment" | ident }},
    {{ totals.numerator }} AS {{ "numerator" | ident }},
    {{ totals.denominator }} AS {{ "denominator" | ident }},
    {{ totals.value }} AS {{ "value" | ident }},
    COALESCE(MAX(sides.{{ "n" | ident }}), 0) AS {{ "n" | ident }},
    COALESCE({{ totals.immature }}, 0) AS {{ "immature" | ident }}
  FROM (
{% for side in sides %}
    SELECT
      side_values.{{ "period" | ident }},
      side_values.{{ "segment_by" | ident }},
      side_values.{{ "segment" | ident }},
      {{ side.numerator }} AS {{ "numerator" | ident }},
      {{ side.denominator }} AS {{ "denominator" | ident }},
{% if waits %}
      {% if side.closed %}side_values.{{ "closed" | ident }}{% else %}CAST(NULL AS {{ type("int") }}){% endif %} AS {{ "closed" | ident }},
{% endif %}
      {{ side.n }} AS {{ "n" | ident }},
      side_values.{{ "immature" | ident }}
    FROM {{ side.name }}_values AS side_values
{% if share %}
    UNION ALL
    SELECT
      side_open.{{ "period" | ident }},
      side_open.{{ "segment_by" | ident }},
      side_open.{{ "segment" | ident }},
      CAST(NULL AS {{ type("float") }}) AS {{ "numerator" | ident }},
      CAST(NULL AS {{ type("float") }}) AS {{ "denominator" | ident }},
      0 AS {{ "n" | ident }},
      side_open.{{ "immature" | ident }}
    FROM {{ side.name }}_open AS side_open
{% endif %}
{% if not loop.last %}
    UNION ALL
{% endif %}
{% endfor %}
{% if all_time %}
    UNION ALL
    SELECT
      CAST(NULL AS {{ type("date") }}) AS {{ "period" | ident }},
      CAST(NULL AS {{ type("string") }}) AS {{ "segment_by" | ident }},
      CAST(NULL AS {{ type("string") }}) AS {{ "segment" | ident }},
      CAST(NULL AS {{ type("float") }}) AS {{ "numerator" | ident }},
      CAST(NULL AS {{ type("float") }}) AS {{ "denominator" | ident }},
{% if waits %}
      CAST(NULL AS {{ type("int") }}) AS {{ "closed" | ident }},
{% endif %}
      0 AS {{ "n" | ident }},
      0 AS {{ "immature" | ident }}
{% endif %}
  ) AS sides
  GROUP BY 1, 2, 3
)
{% include "kpi_columns.sql" %}
