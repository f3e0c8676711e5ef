{#- What is said about each milestone, for whoever reads the others. -#}
{% include "header.sql" %}
{{ create_table(relation) }}
SELECT *
FROM {{ constants("milestone_rows", columns, rows) }}
