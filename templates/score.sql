{#- The weights of reached milestones, added up and cut into half-open bands. -#}
{% include "header.sql" %}
{{ create_table(relation) }}
WITH weights AS (
  SELECT *
  FROM {{ constants("weight_rows", ["milestone", "weight"], weights) }}
),
reached AS (
{% for reached in reached_relations %}
  SELECT {{ "milestone" | ident }}, {{ "entity" | ident }} FROM {{ reached | table }}
{% if not loop.last %}
  UNION ALL
{% endif %}
{% endfor %}
),
summed AS (
  SELECT
    reached.{{ "entity" | ident }},
    SUM(weights.{{ "weight" | ident }}) AS {{ "score" | ident }},
    COUNT(*) AS {{ "milestones_reached" | ident }}
  FROM reached
  JOIN weights ON weights.{{ "milestone" | ident }} = reached.{{ "milestone" | ident }}
  GROUP BY 1
),
scored AS (
  SELECT
    entity_row.{{ key | ident }},
    COALESCE(summed.{{ "score" | ident }}, CAST(0 AS {{ type("decimal") }})) AS {{ "score" | ident }},
    COALESCE(summed.{{ "milestones_reached" | ident }}, 0) AS {{ "milestones_reached" | ident }}
  FROM {{ entity | table }} AS entity_row
  LEFT JOIN summed ON summed.{{ "entity" | ident }} = entity_row.{{ key | ident }}
)
SELECT
  scored.{{ key | ident }},
  CAST(scored.{{ "score" | ident }} AS {{ type("float") }}) AS {{ "score" | ident }},
{% if bands %}
  CASE
{% for band in bands %}
    WHEN scored.{{ "score" | ident }} >= {{ band.bound }} THEN {{ band.name | literal }}
{% endfor %}
  END AS {{ "band" | ident }},
{% else %}
  CAST(NULL AS {{ type("string") }}) AS {{ "band" | ident }},
{% endif %}
  scored.{{ "milestones_reached" | ident }},
  {{ as_of }} AS {{ "as_of" | ident }}
FROM scored
