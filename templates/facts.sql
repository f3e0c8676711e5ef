{#- One row a fact, as of the moment. -#}
{% include "header.sql" %}
{% if relation %}
{{ create_table(relation) }}
{% endif %}
WITH typed AS (
  SELECT
{% for column in columns %}
    {{ column.sql }} AS {{ column.name | ident }}{{ "," | when(not loop.last) }}
{% endfor %}
  FROM {{ from }} AS source_rows
{% for condition in scan %}
  {{ "WHERE" | safe if loop.first else "  AND" | safe }} {{ condition }}
{% endfor %}
){{ "," | when(numbered) }}
{% if numbered %}
numbered AS (
  SELECT
    typed.*,
    ROW_NUMBER() OVER (
      PARTITION BY typed.{{ "fact_key" | ident }}
      ORDER BY
{% for name in ranked %}
        CASE WHEN typed.{{ name | ident }} IS NULL THEN 1 ELSE 0 END, typed.{{ name | ident }}{{ "," | when(not loop.last) }}
{% else %}
        typed.{{ "fact_key" | ident }}
{% endfor %}
    ) AS {{ "row_of_key" | ident }}
  FROM typed
{% if has_time %}
  WHERE typed.{{ "fact_time" | ident }} < {{ as_of }}
{% if since %}
    AND typed.{{ "fact_time" | ident }} >= {{ since }}
{% endif %}
{% endif %}
)
{% endif %}
SELECT
{% for name in made %}
  kept.{{ name | ident }}{{ "," | when(not loop.last) }}
{% endfor %}
FROM {{ "numbered" | safe if numbered else "typed" | safe }} AS kept
WHERE {% if numbered %}(kept.{{ "row_of_key" | ident }} = 1 OR kept.{{ "fact_key" | ident }} IS NULL){% elif has_time %}kept.{{ "fact_time" | ident }} < {{ as_of }}{% if since %} AND kept.{{ "fact_time" | ident }} >= {{ since }}{% endif %}{% else %}TRUE{% endif %}

{% if condition %}
  AND {{ condition }}
{% endif %}
