{#- The rows of all KPIs: one long relation for a BI tool. -#}
{% include "header.sql" %}
{{ create_view(relation) }}
{% for kpi in kpis %}
SELECT {% for column in columns %}{{ column | ident }}{{ ", " | when(not loop.last) }}{% endfor %} FROM {{ kpi | table }}
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
