-- {{ header.title | comment }}
{% for line in header.lines %}
-- {{ line | comment }}
{% endfor %}
