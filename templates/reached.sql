{#- One row a milestone that an entity reached: the row at which its progress first got to the threshold. -#}
{% include "header.sql" %}
{{ create_table(relation) }}
{% if earlier or counted or composites or members or absences %}
WITH
{% endif %}
{% if earlier %}
earlier AS (
{% for reached in earlier %}
  SELECT {{ "milestone" | ident }}, {{ "entity" | ident }}, {{ "reached_at" | ident }}, {{ "reached_id" | ident }} FROM {{ reached | table }}
{% if not loop.last %}
  UNION ALL
{% endif %}
{% endfor %}
){{ "," | when(counted or composites or members or absences) }}
{% endif %}
{% for group in counted %}
{% set number = loop.index %}
counted_milestones_{{ number }} AS (
  SELECT *
  FROM {{ constants("milestone_rows", ["milestone", "stream", "at_least", "within_microseconds"], group.rows) }}
),
counted_{{ number }} AS (
  SELECT
    milestones.{{ "milestone" | ident }},
    occurrences.{{ "entity" | ident }},
    occurrences.{{ "occurred_at" | ident }} AS {{ "reached_at" | ident }},
    occurrences.{{ "event_id" | ident }} AS {{ "reached_id" | ident }}
  FROM {{ group.relation | table }} AS occurrences
  JOIN counted_milestones_{{ number }} AS milestones
    ON milestones.{{ "stream" | ident }} = occurrences.{{ "stream" | ident }}
{% if group.whole %}
    AND milestones.{{ "at_least" | ident }} = occurrences.{{ "progress" | ident }}
{% endif %}
{% if group.applies %}
  JOIN {{ entity | table }} AS entity_row ON entity_row.{{ key | ident }} = occurrences.{{ "entity" | ident }}
{% endif %}
  WHERE occurrences.{{ "before" | ident }} < milestones.{{ "at_least" | ident }}
{% if not group.whole %}
    AND occurrences.{{ "progress" | ident }} >= milestones.{{ "at_least" | ident }}
{% endif %}
{% if group.ends %}
    AND (
      milestones.{{ "within_microseconds" | ident }} IS NULL
      OR occurrences.{{ "bucket" | ident }} <= milestones.{{ "within_microseconds" | ident }}
    )
{% endif %}
{% if group.applies %}
    AND {{ group.applies }}
{% endif %}
){{ "," | when(not loop.last or composites or members or absences) }}
{% endfor %}
{% if composites %}
parts AS (
  SELECT *
  FROM {{ constants("part_rows", ["milestone", "part", "at_least", "within_microseconds", "from_milestone"], composites.rows) }}
),
composite_reaches AS (
  SELECT
    parts.{{ "milestone" | ident }},
    parts.{{ "at_least" | ident }},
    earlier.{{ "entity" | ident }},
    earlier.{{ "reached_at" | ident }},
    earlier.{{ "reached_id" | ident }},
    ROW_NUMBER() OVER (
      PARTITION BY parts.{{ "milestone" | ident }}, earlier.{{ "entity" | ident }}
      ORDER BY earlier.{{ "reached_at" | ident }}, earlier.{{ "reached_id" | ident }}, parts.{{ "part" | ident }}
    ) AS {{ "n" | ident }}
  FROM parts
  JOIN earlier ON earlier.{{ "milestone" | ident }} = parts.{{ "part" | ident }}
  JOIN {{ entity | table }} AS entity_row ON entity_row.{{ key | ident }} = earlier.{{ "entity" | ident }}
{% if composites.from %}
  LEFT JOIN earlier AS from_reach
    ON from_reach.{{ "milestone" | ident }} = parts.{{ "from_milestone" | ident }} AND from_reach.{{ "entity" | ident }} = earlier.{{ "entity" | ident }}
{% endif %}
  WHERE earlier.{{ "reached_at" | ident }} >= {{ composites.anchor }}
    AND (
      parts.{{ "within_microseconds" | ident }} IS NULL
      OR {{ composites.elapsed }} < parts.{{ "within_microseconds" | ident }}
    )
{% if composites.applies %}
    AND {{ composites.applies }}
{% endif %}
),
composites AS (
  SELECT
    composite_reaches.{{ "milestone" | ident }},
    composite_reaches.{{ "entity" | ident }},
    composite_reaches.{{ "reached_at" | ident }},
    composite_reaches.{{ "reached_id" | ident }}
  FROM composite_reaches
  WHERE composite_reaches.{{ "n" | ident }} = composite_reaches.{{ "at_least" | ident }}
){{ "," | when(members or absences) }}
{% endif %}
{% for group in members %}
{% set number = loop.index %}
member_milestones_{{ number }} AS (
  SELECT *
  FROM {{ constants("member_rows", ["milestone", "member_milestone", "at_least", "within_microseconds", "from_milestone"], group.rows) }}
),
member_reaches_{{ number }} AS (
  SELECT
    milestones.{{ "milestone" | ident }},
    milestones.{{ "at_least" | ident }},
    entity_row.{{ key | ident }} AS {{ "entity" | ident }},
    earlier.{{ "reached_at" | ident }},
    earlier.{{ "reached_id" | ident }},
    earlier.{{ "entity" | ident }} AS {{ "member" | ident }},
    {{ group.value }} AS {{ "value" | ident }}
  FROM member_milestones_{{ number }} AS milestones
  JOIN earlier ON earlier.{{ "milestone" | ident }} = milestones.{{ "member_milestone" | ident }}
  JOIN {{ group.relation | table }} AS member_row ON member_row.{{ group.key | ident }} = earlier.{{ "entity" | ident }}
  JOIN {{ entity | table }} AS entity_row ON entity_row.{{ key | ident }} = member_row.{{ group.parent | ident }}
{% if group.from %}
  LEFT JOIN earlier AS from_reach
    ON from_reach.{{ "milestone" | ident }} = milestones.{{ "from_milestone" | ident }} AND from_reach.{{ "entity" | ident }} = entity_row.{{ key | ident }}
{% endif %}
  WHERE earlier.{{ "reached_at" | ident }} >= {{ group.anchor }}
    AND (
      milestones.{{ "within_microseconds" | ident }} IS NULL
      OR {{ group.elapsed }} < milestones.{{ "within_microseconds" | ident }}
    )
{% if group.applies %}
    AND {{ group.applies }}
{% endif %}
),
member_firsts_{{ number }} AS (
  SELECT
    reaches.*,
    ROW_NUMBER() OVER (
      PARTITION BY reaches.{{ "milestone" | ident }}, reaches.{{ "entity" | ident }}, reaches.{{ "value" | ident }}
      ORDER BY reaches.{{ "reached_at" | ident }}, reaches.{{ "reached_id" | ident }}, reaches.{{ "member" | ident }}
    ) AS {{ "nth_of_value" | ident }}
  FROM member_reaches_{{ number }} AS reaches
  WHERE reaches.{{ "value" | ident }} IS NOT NULL
),
member_numbers_{{ number }} AS (
  SELECT
    firsts.{{ "milestone" | ident }},
    firsts.{{ "at_least" | ident }},
    firsts.{{ "entity" | ident }},
    firsts.{{ "reached_at" | ident }},
    firsts.{{ "reached_id" | ident }},
    ROW_NUMBER() OVER (
      PARTITION BY firsts.{{ "milestone" | ident }}, firsts.{{ "entity" | ident }}
      ORDER BY firsts.{{ "reached_at" | ident }}, firsts.{{ "reached_id" | ident }}, firsts.{{ "member" | ident }}
    ) AS {{ "n" | ident }}
  FROM member_firsts_{{ number }} AS firsts
  WHERE firsts.{{ "nth_of_value" | ident }} = 1
),
members_{{ number }} AS (
  SELECT
    numbers.{{ "milestone" | ident }},
    numbers.{{ "entity" | ident }},
    numbers.{{ "reached_at" | ident }},
    numbers.{{ "reached_id" | ident }}
  FROM member_numbers_{{ number }} AS numbers
  WHERE numbers.{{ "n" | ident }} = numbers.{{ "at_least" | ident }}
){{ "," | when(not loop.last or absences) }}
{% endfor %}
{% if absences %}
absent_parts AS (
  SELECT *
  FROM {{ constants("absent_rows", ["milestone", "part", "horizon_microseconds", "from_milestone"], absences.rows) }}
),
windows AS (
  SELECT
    milestones.{{ "milestone" | ident }},
    entity_row.{{ key | ident }} AS {{ "entity" | ident }},
    {{ absences.anchor }} AS {{ "anchor_at" | ident }},
    {{ absences.closes }} AS {{ "closes_at" | ident }}
  FROM {{ entity | table }} AS entity_row
  CROSS JOIN (
    SELECT DISTINCT {{ "milestone" | ident }}, {{ "horizon_microseconds" | ident }}, {{ "from_milestone" | ident }} FROM absent_parts
  ) AS milestones
{% if absences.from %}
  LEFT JOIN earlier AS from_reach
    ON from_reach.{{ "milestone" | ident }} = milestones.{{ "from_milestone" | ident }} AND from_reach.{{ "entity" | ident }} = entity_row.{{ key | ident }}
{% endif %}
{% if absences.applies %}
  WHERE {{ absences.applies }}
{% endif %}
),
broken AS (
  SELECT DISTINCT
    windows.{{ "milestone" | ident }},
    windows.{{ "entity" | ident }}
  FROM windows
  JOIN absent_parts ON absent_parts.{{ "milestone" | ident }} = windows.{{ "milestone" | ident }}
  JOIN earlier ON earlier.{{ "milestone" | ident }} = absent_parts.{{ "part" | ident }} AND earlier.{{ "entity" | ident }} = windows.{{ "entity" | ident }}
  WHERE earlier.{{ "reached_at" | ident }} >= windows.{{ "anchor_at" | ident }}
    AND earlier.{{ "reached_at" | ident }} < windows.{{ "closes_at" | ident }}
),
absences AS (
  SELECT
    windows.{{ "milestone" | ident }},
    windows.{{ "entity" | ident }},
    windows.{{ "closes_at" | ident }} AS {{ "reached_at" | ident }},
    {{ "" | literal }} AS {{ "reached_id" | ident }}
  FROM windows
  LEFT JOIN broken
    ON broken.{{ "milestone" | ident }} = windows.{{ "milestone" | ident }} AND broken.{{ "entity" | ident }} = windows.{{ "entity" | ident }}
  WHERE broken.{{ "entity" | ident }} IS NULL
    AND windows.{{ "closes_at" | ident }} <= {{ as_of }}
)
{% endif %}
{% for branch in branches %}
SELECT {{ "milestone" | ident }}, {{ "entity" | ident }}, {{ "reached_at" | ident }}, {{ "reached_id" | ident }} FROM {{ branch }}
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
{{ order_rows(["milestone", "entity"]) }}
