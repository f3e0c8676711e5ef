{#- The head of the statement that makes a relation; what it holds follows. -#}
{% include "header.sql" %}
{% if not relation %}
{% elif is_view %}
{{ create_view(relation) }}
{% else %}
{{ create_table(relation) }}
{% endif %}
