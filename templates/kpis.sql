{#- The rows of all KPIs: one long relation for a BI tool. -#}
{% include "header.sql" %}
{% if is_view %}
{{ create_view(relation) }}
{% else %}
{{ create_table(relation) }}
{% endif %}
{% for kpi in kpis %}
SELECT {% for column in columns %}{{ column | ident }}{{ ", " | when(not loop.last) }}{% endfor %} FROM {{ kpi | table }}
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
