{#- What raw rows have, by the names that definitions count: how many there are, how many of them have a time, in any form and
    in one that can be read, how many belong to somebody, how many have a key of their own, and how many a name, how many belong to somebody whom no
    table has, how many have a value that cannot be read as its type, and how many have a property. Or which names there are. -#}
{% if all_names %}
SELECT DISTINCT {{ name }} AS {{ "name" | ident }}
FROM {{ from }} AS source_rows
{% for condition in scan %}
{{ "WHERE" | safe if loop.first else "  AND" | safe }} {{ condition }}
{% endfor %}
{% else %}
SELECT
  counted.{{ "name" | ident }},
  COUNT(*) AS {{ "row_count" | ident }},
  COUNT(counted.{{ "written" | ident }}) AS {{ "times_given" | ident }},
  COUNT(counted.{{ "moment" | ident }}) AS {{ "times_read" | ident }},
  MIN(CASE WHEN counted.{{ "moment" | ident }} IS NULL THEN counted.{{ "written" | ident }} END) AS {{ "example" | ident }},
  COUNT(counted.{{ "entity" | ident }}) AS {{ "entities" | ident }},
  COUNT(counted.{{ "id" | ident }}) AS {{ "ids" | ident }},
  COUNT(counted.{{ "event_name" | ident }}) AS {{ "names" | ident }},
{% if known %}
  COUNT(CASE WHEN known.{{ "owner" | ident }} IS NULL THEN counted.{{ "owner" | ident }} END) AS {{ "strangers" | ident }},
  MIN(CASE WHEN known.{{ "owner" | ident }} IS NULL THEN counted.{{ "owner" | ident }} END) AS {{ "stranger" | ident }}{{ "," | when(values or present) }}
{% else %}
  0 AS {{ "strangers" | ident }},
  CAST(NULL AS {{ type("string") }}) AS {{ "stranger" | ident }}{{ "," | when(values or present) }}
{% endif %}
{% for value in values %}
  COUNT(CASE WHEN counted.{{ ("written_" ~ loop.index) | ident }} IS NOT NULL AND NOT counted.{{ ("is_read_" ~ loop.index) | ident }} THEN 1 END) AS {{ ("unread_" ~ loop.index) | ident }},
  MIN(CASE WHEN counted.{{ ("written_" ~ loop.index) | ident }} IS NOT NULL AND NOT counted.{{ ("is_read_" ~ loop.index) | ident }} THEN counted.{{ ("written_" ~ loop.index) | ident }} END) AS {{ ("example_" ~ loop.index) | ident }}{{ "," | when(present or not loop.last) }}
{% endfor %}
{% for property in present %}
  COUNT(counted.{{ ("property_" ~ loop.index) | ident }}) AS {{ ("present_" ~ loop.index) | ident }}{{ "," | when(not loop.last) }}
{% endfor %}
FROM (
  SELECT
    {% if wanted %}CASE WHEN {{ name }} IN ({% for name in wanted %}{{ name | literal }}{{ ", " | when(not loop.last) }}{% endfor %}) THEN {{ name }} END{% else %}CAST(NULL AS {{ type("string") }}){% endif %} AS {{ "name" | ident }},
    {{ written }} AS {{ "written" | ident }},
    {{ moment }} AS {{ "moment" | ident }},
    {{ entity }} AS {{ "entity" | ident }},
    {{ owner }} AS {{ "owner" | ident }},
    {{ id }} AS {{ "id" | ident }},
    {{ event_name }} AS {{ "event_name" | ident }}{{ "," | when(values or present) }}
{% for value in values %}
    {{ value.written }} AS {{ ("written_" ~ loop.index) | ident }},
    ({{ value.read }}) IS NOT NULL AS {{ ("is_read_" ~ loop.index) | ident }}{{ "," | when(present or not loop.last) }}
{% endfor %}
{% for property in present %}
    {{ property }} AS {{ ("property_" ~ loop.index) | ident }}{{ "," | when(not loop.last) }}
{% endfor %}
  FROM {{ from }} AS source_rows
{% for condition in scan %}
  {{ "WHERE" | safe if loop.first else "  AND" | safe }} {{ condition }}
{% endfor %}
) AS counted
{% if known %}
LEFT JOIN (
  SELECT DISTINCT named.{{ "owner" | ident }}
  FROM (
{% include "known.sql" %}
  ) AS named
) AS known
  ON known.{{ "owner" | ident }} = counted.{{ "owner" | ident }}
{% endif %}
GROUP BY 1
{% endif %}
