{% include "header.sql" %}
{{ create_schema(schema) }}
