{#- The keys of the entities that there are, some of them more than once. -#}
{% for entities in known %}
    SELECT {{ entities.key }} AS {{ "owner" | ident }} FROM {{ entities.from }} AS source_rows
{% for condition in entities.conditions %}
    {{ "WHERE" | safe if loop.first else "  AND" | safe }} {{ condition }}
{% endfor %}
    {{ "UNION ALL" | safe if not loop.last }}
{% endfor %}
