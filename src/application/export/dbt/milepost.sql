{#
  What the models of this package are told of the moment as of which everything is computed. It is the variable `as_of`: a
  date (`2026-03-01`), which is its midnight in UTC, or a time with its offset (`2026-03-01T09:30:00Z`). Without one it is when
  dbt began to run. Written by `milepost export dbt`.
#}

{# Returns the moment so many microseconds before it; the first of the calendar where that is later. #}
{% macro milepost_at(before=0) %}
  {%- set datetime = modules.datetime.datetime -%}
  {%- set given = var('as_of', none) -%}
  {%- if given is none -%}
    {%- set at = run_started_at.replace(microsecond=0, tzinfo=none) -%}
  {%- else -%}
    {%- set form = '^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:[.]([0-9]{1,6}))?(Z|[+-][0-9]{2}:[0-9]{2}))?$' -%}
    {%- set found = modules.re.match(form, given | string) -%}
    {%- if not found -%}
      {{ exceptions.raise_compiler_error("the variable `as_of` is `" ~ given ~ "`: write a date (`2026-03-01`) or a time with its offset (`2026-03-01T09:30:00Z`)") }}
    {%- endif -%}
    {%- set shown = datetime.fromisoformat(found.group(1) ~ 'T' ~ (found.group(2) or '00:00:00')) -%}
    {%- set part = modules.datetime.timedelta(microseconds=(((found.group(3) or '0') ~ '000000')[:6]) | int) -%}
    {%- set offset = found.group(4) or 'Z' -%}
    {%- if offset == 'Z' -%}
      {%- set ahead = modules.datetime.timedelta() -%}
    {%- else -%}
      {%- set minutes = (offset[1:3] | int) * 60 + (offset[4:6] | int) -%}
      {%- set ahead = modules.datetime.timedelta(minutes=-minutes if offset[0] == '-' else minutes) -%}
    {%- endif -%}
    {%- set at = shown + part - ahead -%}
  {%- endif -%}
  {%- set first = datetime(1, 1, 1) -%}
  {%- set age = modules.datetime.timedelta(microseconds=before) -%}
  {{ return(at - age if age < at - first else first) }}
{% endmacro %}

{# Prints it in UTC. #}
{% macro milepost_moment(before=0) -%}
  {{ milepost_at(before).isoformat(sep=' ', timespec='microseconds').replace('.000000', '') }}
{%- endmacro %}

{# Returns what a clock in a zone shows then, so many days ahead. #}
{% macro milepost_shown(zone, days, before) %}
  {%- set at = milepost_at(before) -%}
  {%- if at.year < 2 -%}
    {{ return(modules.datetime.datetime(1, 1, 1)) }}
  {%- endif -%}
  {%- set there = modules.pytz.utc.localize(at).astimezone(modules.pytz.timezone(zone)).replace(tzinfo=none) -%}
  {{ return(there + modules.datetime.timedelta(days=days)) }}
{% endmacro %}

{# Prints what the clock shows. #}
{% macro milepost_clock(zone, days=0, before=0) -%}
  {{ milepost_shown(zone, days, before).isoformat(sep=' ', timespec='microseconds').replace('.000000', '') }}
{%- endmacro %}

{# Prints the day alone. #}
{% macro milepost_day(zone, days=0, before=0) -%}
  {{ milepost_shown(zone, days, before).date().isoformat() }}
{%- endmacro %}

{# Prints how many units of so many microseconds are over since the beginning of 1970, a part of one counting as one. #}
{% macro milepost_count(unit, before=0) -%}
  {%- set micros = (milepost_at(before) - modules.datetime.datetime(1970, 1, 1)) // modules.datetime.timedelta(microseconds=1) -%}
  {{ -((-micros) // unit) }}
{%- endmacro %}
