{#- A milestone as people read it: one row an entity that it applies to, reached or not. -#}
{% include "header.sql" %}
{{ create_view(relation) }}
WITH population AS (
  SELECT
    entity_row.{{ key | ident }},
    {{ anchor }} AS {{ "anchor_at" | ident }},
    {{ closes }} AS {{ "closes_at" | ident }}
  FROM {{ entity | table }} AS entity_row
{% if from %}
  LEFT JOIN {{ from.relation | table }} AS from_reach
    ON from_reach.{{ "entity" | ident }} = entity_row.{{ key | ident }} AND from_reach.{{ "milestone" | ident }} = {{ from.name | literal }}
{% endif %}
{% for condition in applies %}
  {{ "WHERE" | safe if loop.first else "  AND" | safe }} {{ condition }}
{% endfor %}
),
reached AS (
  SELECT
    {{ "entity" | ident }},
    {{ "reached_at" | ident }},
    {{ "reached_id" | ident }}
  FROM {{ reached | table }}
  WHERE {{ "milestone" | ident }} = {{ name | literal }}
),
counted AS (
{% if counted %}
  SELECT
    {{ "entity" | ident }},
    MAX({{ "n" | ident }}) AS {{ "count" | ident }},
    CAST(MAX({{ "progress" | ident }}) AS {{ type("float") }}) AS {{ "progress" | ident }}
  FROM {{ counted.relation | table }}
  WHERE {{ "stream" | ident }} = {{ counted.stream }}
{% if counted.within is not none %}
    AND {{ "bucket" | ident }} <= {{ counted.within }}
{% endif %}
  GROUP BY 1
{% else %}
  SELECT
    {{ parts.entity }} AS {{ "entity" | ident }},
    COUNT(*) AS {{ "count" | ident }},
    CAST({{ parts.progress }} AS {{ type("float") }}) AS {{ "progress" | ident }}
  FROM (
{% for part in parts.relations %}
    SELECT {{ "entity" | ident }}, {{ "reached_at" | ident }} FROM {{ part.relation | table }}
    WHERE {{ "milestone" | ident }} IN ({% for name in part.names %}{{ name | literal }}{{ ", " | when(not loop.last) }}{% endfor %})
{% if not loop.last %}
    UNION ALL
{% endif %}
{% endfor %}
  ) AS part_reaches
{% if parts.member %}
  JOIN {{ parts.member.relation | table }} AS member_row ON member_row.{{ parts.member.key | ident }} = part_reaches.{{ "entity" | ident }}
{% endif %}
  JOIN population ON population.{{ key | ident }} = {{ parts.entity }}
  WHERE part_reaches.{{ "reached_at" | ident }} >= population.{{ "anchor_at" | ident }}
{% if parts.window %}
    AND {{ parts.window }}
{% endif %}
  GROUP BY 1
{% endif %}
)
SELECT
  population.{{ key | ident }},
  population.{{ "anchor_at" | ident }},
  population.{{ "closes_at" | ident }},
  reached.{{ "reached_at" | ident }},
  reached.{{ "reached_id" | ident }},
  reached.{{ "reached_at" | ident }} IS NOT NULL AS {{ "reached" | ident }},
  COALESCE(counted.{{ "count" | ident }}, 0) AS {{ "count" | ident }},
  COALESCE(counted.{{ "progress" | ident }}, CAST(0 AS {{ type("float") }})) AS {{ "progress" | ident }},
  population.{{ "anchor_at" | ident }} IS NOT NULL AND (population.{{ "closes_at" | ident }} IS NULL OR population.{{ "closes_at" | ident }} <= {{ as_of }}) AS {{ "mature" | ident }}
FROM population
LEFT JOIN reached ON reached.{{ "entity" | ident }} = population.{{ key | ident }}
LEFT JOIN counted ON counted.{{ "entity" | ident }} = population.{{ key | ident }}
