{#- What milestones count, numbered by entity and stream. Rows that are later than every window of their stream are left
    out; of the others the rows up to the largest threshold stay, and the last row of each bucket of time, which holds the
    count. Streams of events of every name have a statement of their own: what names its events is joined by them. -#}
{% include "header.sql" %}
{{ create_table(relation) }}
WITH streams AS (
  SELECT *
  FROM {{ constants("stream_rows", stream_columns, stream_rows) }}
),
{% if bounded %}
reached AS (
{% for reached in reached_relations %}
  SELECT {{ "milestone" | ident }}, {{ "entity" | ident }}, {{ "reached_at" | ident }}, {{ "reached_id" | ident }} FROM {{ reached | table }}
{% if not loop.last %}
  UNION ALL
{% endif %}
{% endfor %}
),
{% endif %}
matched AS (
  SELECT
    streams.{{ "stream" | ident }},
    streams.{{ "at_least" | ident }},
    entity_row.{{ key | ident }} AS {{ "entity" | ident }},
    events.{{ "event_time" | ident }} AS {{ "occurred_at" | ident }},
    events.{{ "event_id" | ident }},
{% if value %}
    {{ value }} AS {{ "value" | ident }},
{% endif %}
    {{ bucket }} AS {{ "bucket" | ident }}
  FROM {{ events | table }} AS events
{% if names %}
  JOIN streams ON streams.{{ "event_name" | ident }} = events.{{ "event_name" | ident }}
{% else %}
  CROSS JOIN streams
{% endif %}
{% if actor %}
  {{ "LEFT JOIN" | safe if subjects else "JOIN" | safe }} {{ actor.relation | table }} AS actor ON actor.{{ actor.key | ident }} = events.{{ "entity" | ident }}
{% endif %}
  JOIN {{ entity | table }} AS entity_row ON entity_row.{{ key | ident }} = {{ subject }}
{% if from %}
  LEFT JOIN reached AS from_reach
    ON from_reach.{{ "milestone" | ident }} = streams.{{ "from_milestone" | ident }} AND from_reach.{{ "entity" | ident }} = entity_row.{{ key | ident }}
{% endif %}
{% if after %}
  LEFT JOIN reached AS after_reach
    ON after_reach.{{ "milestone" | ident }} = streams.{{ "after_milestone" | ident }} AND after_reach.{{ "entity" | ident }} = entity_row.{{ key | ident }}
{% endif %}
  WHERE events.{{ "event_time" | ident }} >= {{ anchor }}
{% if names %}
    AND events.{{ "event_name" | ident }} IN ({% for name in names %}{{ name | literal }}{{ ", " | when(not loop.last) }}{% endfor %})
{% endif %}
{% if in_time %}
    AND {{ in_time }}
{% endif %}
{% if after %}
    AND (
      streams.{{ "after_milestone" | ident }} IS NULL
      OR events.{{ "event_time" | ident }} > after_reach.{{ "reached_at" | ident }}
      OR (events.{{ "event_time" | ident }} = after_reach.{{ "reached_at" | ident }} AND events.{{ "event_id" | ident }} > after_reach.{{ "reached_id" | ident }})
    )
{% endif %}
{% if condition %}
    AND {{ condition }}
{% endif %}
),
{% if shape == "distinct" %}
marked AS (
  SELECT
    matched.*,
    CASE
      WHEN ROW_NUMBER() OVER (
        PARTITION BY matched.{{ "stream" | ident }}, matched.{{ "entity" | ident }}, matched.{{ "value" | ident }}
        ORDER BY matched.{{ "occurred_at" | ident }}, matched.{{ "event_id" | ident }}
      ) = 1 THEN 1 ELSE 0
    END AS {{ "step" | ident }}
  FROM matched
  WHERE matched.{{ "value" | ident }} IS NOT NULL
),
{% elif shape == "sum" %}
marked AS (
  SELECT
    matched.*,
    matched.{{ "value" | ident }} AS {{ "step" | ident }}
  FROM matched
  WHERE matched.{{ "value" | ident }} > 0
),
{% endif %}
numbered AS (
  SELECT
    marked.{{ "stream" | ident }},
    marked.{{ "at_least" | ident }},
    marked.{{ "entity" | ident }},
    marked.{{ "occurred_at" | ident }},
    marked.{{ "event_id" | ident }},
    marked.{{ "bucket" | ident }},
    ROW_NUMBER() OVER (
      PARTITION BY marked.{{ "stream" | ident }}, marked.{{ "entity" | ident }}
      ORDER BY marked.{{ "occurred_at" | ident }}, marked.{{ "event_id" | ident }}
    ) AS {{ "n" | ident }},
{% if shape != "count" %}
    SUM(marked.{{ "step" | ident }}) OVER (
      PARTITION BY marked.{{ "stream" | ident }}, marked.{{ "entity" | ident }}
      ORDER BY marked.{{ "occurred_at" | ident }}, marked.{{ "event_id" | ident }}
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS {{ "progress" | ident }},
    marked.{{ "step" | ident }},
{% endif %}
    LEAD(marked.{{ "bucket" | ident }}) OVER (
      PARTITION BY marked.{{ "stream" | ident }}, marked.{{ "entity" | ident }}
      ORDER BY marked.{{ "occurred_at" | ident }}, marked.{{ "event_id" | ident }}
    ) AS {{ "next_bucket" | ident }}
  FROM {{ "matched" | safe if shape == "count" else "marked" | safe }} AS marked
)
SELECT
  numbered.{{ "stream" | ident }},
  numbered.{{ "entity" | ident }},
  numbered.{{ "n" | ident }},
{% if shape == "count" %}
  numbered.{{ "n" | ident }} AS {{ "progress" | ident }},
  numbered.{{ "n" | ident }} - 1 AS {{ "before" | ident }},
{% elif shape == "distinct" %}
  CAST(numbered.{{ "progress" | ident }} AS {{ type("int") }}) AS {{ "progress" | ident }},
  CAST(numbered.{{ "progress" | ident }} - numbered.{{ "step" | ident }} AS {{ type("int") }}) AS {{ "before" | ident }},
{% else %}
{# Decimals: taking this row's value off again is exact. #}
  numbered.{{ "progress" | ident }},
  numbered.{{ "progress" | ident }} - numbered.{{ "step" | ident }} AS {{ "before" | ident }},
{% endif %}
  numbered.{{ "bucket" | ident }},
  numbered.{{ "occurred_at" | ident }},
  numbered.{{ "event_id" | ident }}
FROM numbered
WHERE numbered.{{ "next_bucket" | ident }} IS NULL
  OR numbered.{{ "next_bucket" | ident }} <> numbered.{{ "bucket" | ident }}
{% if shape == "count" %}
  OR numbered.{{ "n" | ident }} <= numbered.{{ "at_least" | ident }}
{% else %}
  OR numbered.{{ "progress" | ident }} - numbered.{{ "step" | ident }} < numbered.{{ "at_least" | ident }}
{% endif %}
{{ order_rows(["stream", "entity"]) }}
