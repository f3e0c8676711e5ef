#!/usr/bin/env bash
# What editors say of the projects here: the JSON Schema in Taplo, which is what the TOML extensions of editors run.
#
#   packaging/editors.sh PROGRAM   PROGRAM is a milepost, which prints the schema
#
# All projects pass, and each of some mistakes is told in one way. It needs Python 3.9 or newer with venv and installs one program,
# pinned below, into the user's cache. It ends with 69 where that cannot be had.
set -euo pipefail
program=$(realpath "${1:?which milepost}")
cd "$(dirname "$0")/.."

pin=taplo==0.9.3
environment=${XDG_CACHE_HOME:-$HOME/.cache}/milepost/editors/$pin
if [ ! -e "$environment/ready" ]; then
  rm -rf "$environment"
  {
    python3 -m venv "$environment" && "$environment/bin/pip" install --quiet --disable-pip-version-check "$pin"
  } >&2 || { rm -rf "$environment"; echo "$pin cannot be had" >&2; exit 69; }
  touch "$environment/ready"
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$program" man --schema > "$scratch/schema.json"
taplo() { "$environment/bin/taplo" check --no-auto-config --colors never --schema "file://$scratch/schema.json" "$@"; }

# Not tests/errors, which have mistakes, and not what is no project: Cargo.toml, about.toml, lists of tests.
git ls-files -z -- project.toml 'models/*.toml' 'checks/*.toml' 'docs/recipes/*.toml' 'examples/**/project.toml' 'examples/**/models/*.toml' \
  'tests/cases/*/project.toml' 'tests/cases/*/models/*.toml' > "$scratch/projects"
count=$(tr -cd '\0' < "$scratch/projects" | wc -c)
if ! xargs -0 -r "$environment/bin/taplo" check --no-auto-config --colors never --schema "file://$scratch/schema.json" \
  < "$scratch/projects" > "$scratch/said" 2>&1; then
  cat "$scratch/said"
  exit 1
fi

# Each mistake alone; Taplo may draw one at several keys.
mistake() {
  local name=$1 messages
  cat > "$scratch/$name.toml"
  if taplo "$scratch/$name.toml" > "$scratch/said" 2>&1; then
    echo "$name: no mistake was found"
    return 1
  fi
  messages=$(grep -E '^error: ' "$scratch/said" | sort -u | wc -l)
  [ "$messages" = 1 ] || { printf '%s: %d messages\n' "$name" "$messages"; cat "$scratch/said"; return 1; }
}
mistake a_misspelled_key <<'TOML'
[milestone.first]
event = "opened"
withn = "7d"
TOML
mistake a_kind_that_is_none <<'TOML'
[kpi.rate]
kind = "conversoin"
of = "first"
TOML
mistake a_key_of_another_kind <<'TOML'
[kpi.rate]
kind = "conversion"
of = "first"
value = "amount"
TOML
mistake a_number_for_a_text <<'TOML'
[milestone.first]
event = "opened"
within = 7
TOML
mistake a_dialect_that_is_none <<'TOML'
[target.prod]
dialect = "bigqery"
TOML
printf '%d files of projects pass, and each of 5 mistakes is told in one way\n' "$count"
