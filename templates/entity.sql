{#- One row an entity: the earliest of the rows with its key. What it lacks is derived from its members. Only who has started is
    there: an entity without a start that can be read has no place in time. -#}
{% include "header.sql" %}
{% if relation %}
{{ create_table(relation) }}
{% endif %}
WITH
{% if members %}
{% if members | length > 1 %}
members AS (
{% for kind in members %}
  SELECT {{ kind.parent | ident }} AS {{ key | ident }}, {{ "started_at" | ident }} FROM {{ kind.relation }}
{% if not loop.last %}
  UNION ALL
{% endif %}
{% endfor %}
),
{% endif %}
member_starts AS (
{% set parent = key if members | length > 1 else members[0].parent %}
  SELECT
    members.{{ parent | ident }} AS {{ key | ident }},
    MIN(members.{{ "started_at" | ident }}) AS {{ "started_at" | ident }}
  FROM {% if members | length > 1 %}members{% else %}{{ members[0].relation }} AS members{% endif %}

  WHERE members.{{ parent | ident }} IS NOT NULL
  GROUP BY 1
){{ "," | when(from) }}
{% endif %}
{% if from %}
typed AS (
  SELECT
{% for column in columns %}
    {{ column.sql }} AS {{ column.name | ident }}{{ "," | when(not loop.last) }}
{% endfor %}
  FROM {{ from }} AS source_rows
{% for condition in scan %}
  {{ "WHERE" | safe if loop.first else "  AND" | safe }} {{ condition }}
{% endfor %}
),
numbered AS (
  SELECT
    typed.*,
    ROW_NUMBER() OVER (
      PARTITION BY typed.{{ key | ident }}
      ORDER BY
{% for name in ranked %}
        CASE WHEN typed.{{ name | ident }} IS NULL THEN 1 ELSE 0 END, typed.{{ name | ident }}{{ "," | when(not loop.last) }}
{% else %}
        typed.{{ key | ident }}
{% endfor %}
    ) AS {{ "row_of_key" | ident }}
  FROM typed
  WHERE typed.{{ key | ident }} IS NOT NULL
{% if own_start %}
    AND typed.{{ "started_at" | ident }} < {{ as_of }}
{% endif %}
{% if condition %}
    AND {{ condition }}
{% endif %}
)
SELECT
{% for name in made %}
  {{ "member_starts" | safe if name == "started_at" and not own_start else "numbered" | safe }}.{{ name | ident }}{{ "," | when(not loop.last) }}
{% endfor %}
FROM numbered
{% if members %}
JOIN member_starts ON member_starts.{{ key | ident }} = numbered.{{ key | ident }}
{% endif %}
WHERE numbered.{{ "row_of_key" | ident }} = 1
{% else %}
SELECT
  member_starts.{{ key | ident }},
  member_starts.{{ "started_at" | ident }}
FROM member_starts
{% endif %}
