{#- The one reading of a source of events: the names that some definition counts, as of the moment, each event once. -#}
{% if header %}
{% include "header.sql" %}
{% endif %}
{% if relation %}
{{ create_table(relation) }}
{% endif %}
WITH typed AS (
  SELECT
{% for column in columns %}
    {{ column.sql }} AS {{ column.name | ident }}{{ "," | when(not loop.last) }}
{% endfor %}
  FROM {{ from }} AS source_rows
{% if raw_names %}
  WHERE {{ raw_name }} IN ({% for name in raw_names %}{{ name | literal }}{{ ", " | when(not loop.last) }}{% endfor %})
{% endif %}
{% for condition in scan %}
  {{ "WHERE" | safe if loop.first and not raw_names else "  AND" | safe }} {{ condition }}
{% endfor %}
),
identified AS (
  SELECT
    typed.{{ "entity" | ident }},
    {{ event_name }} AS {{ "event_name" | ident }},
    typed.{{ "event_time" | ident }},
    {{ event_id }} AS {{ "event_id" | ident }}{{ "," | when(read) }}
{% for name in read %}
    typed.{{ name | ident }}{{ "," | when(not loop.last) }}
{% endfor %}
  FROM typed
  WHERE typed.{{ "event_time" | ident }} < {{ as_of }}
{% if since %}
    AND typed.{{ "event_time" | ident }} >= {{ since }}
{% endif %}
{% if named %}
    AND {{ named }}
{% endif %}
){{ "," | when(deduplicate) }}
{% if deduplicate %}
numbered AS (
  SELECT
    identified.*,
    ROW_NUMBER() OVER (
      PARTITION BY identified.{{ "event_name" | ident }}, identified.{{ "event_id" | ident }}
      ORDER BY identified.{{ ranked[0] | ident }}, CASE WHEN identified.{{ ranked[1] | ident }} IS NULL THEN 1 ELSE 0 END, identified.{{ ranked[1] | ident }}{{ "," | when(ranked | length > 2) }}
{% for name in ranked[2:] %}
        CASE WHEN identified.{{ name | ident }} IS NULL THEN 1 ELSE 0 END, identified.{{ name | ident }}{{ "," | when(not loop.last) }}
{% endfor %}
    ) AS {{ "row_of_event" | ident }}
  FROM identified
)
{% endif %}
SELECT
{% for name in made %}
  kept.{{ name | ident }}{{ "," | when(not loop.last) }}
{% endfor %}
FROM {{ "numbered" | safe if deduplicate else "identified" | safe }} AS kept
{% if deduplicate %}
WHERE kept.{{ "row_of_event" | ident }} = 1
{% if condition %}
  AND {{ condition }}
{% endif %}
{% elif condition %}
WHERE {{ condition }}
{% endif %}
{% if header %}
{{ order_rows(sorted) }}
{% endif %}
