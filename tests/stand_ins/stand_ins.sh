#!/usr/bin/env bash
# The warehouses' stand-ins: installs, starts and stops them. README.md says what each is, and what it is trusted for.
#
#   stand_ins.sh install   makes what is not there yet: some minutes and 1.7 GB once, a moment afterwards
#   stand_ins.sh start     installs, and starts what does not run yet, each with nothing in it
#   stand_ins.sh env       prints what the tests want to know: eval "$(tests/stand_ins/stand_ins.sh env)"
#   stand_ins.sh stop      stops what `start` started
#
# MILEPOST_STAND_INS       the folder that they are kept in, by default ~/.cache/milepost/stand_ins
# MILEPOST_STAND_INS_PORT  the first of four ports of 127.0.0.1, by default 19050
# MILEPOST_PYTHON          a Python of 3.10 or newer, by default python3
# MILEPOST_PYTHON313       a Python of 3.13 or newer, by default the first that is found
#
# Exit code 69: something that they need is missing here, and it is said what; so that a caller can skip the tests that
# need them. Any other failure is a failure.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${MILEPOST_STAND_INS:-${XDG_CACHE_HOME:-$HOME/.cache}/milepost/stand_ins}
port=${MILEPOST_STAND_INS_PORT:-19050}
running=$folder/running/$port
bigquery=$port fakesnow=$((port + 2)) snowduck=$((port + 3)) # local-bigquery takes the port after its own, too.

say() { echo "stand-ins: $*" >&2; }

missing() {
  say "MISSING: $*"
  exit 69
}

# The first of the commands that is a Python of at least the version.
python() {
  local version=$1 command
  shift
  for command in "$@"; do
    if [ -n "$command" ] && "$command" -c "import sys; sys.exit(sys.version_info < ($version))" 2>/dev/null; then
      echo "$command"
      return
    fi
  done
  missing "Python ${version/, /.} or newer (looked for: $*); MILEPOST_PYTHON and MILEPOST_PYTHON313 name one"
}

# environment NAME PYTHON: a virtual environment with exactly what requirements/NAME.txt names.
environment() {
  local name=$1 python=$2 wanted
  wanted=$("$python" --version; cat "$here/requirements/$name.txt")
  [ "$(cat "$folder/$name/installed" 2>/dev/null)" = "$wanted" ] && return
  say "installing $name into $folder"
  rm -rf "${folder:?}/$name"
  "$python" -m venv "$folder/$name" || missing "a Python that can make virtual environments ($python)"
  "$folder/$name/bin/python" -m pip install --quiet --no-deps --requirement "$here/requirements/$name.txt" >&2 ||
    missing "what requirements/$name.txt names: is there a network, or a registry?"
  printf '%s' "$wanted" > "$folder/$name/installed"
}

# The extensions come as packages, and local-bigquery looks for them in its home.
extensions() {
  local place
  place=$("$folder/local_bigquery/bin/python" -c '
import duckdb
print(f"v{duckdb.__version__}/{duckdb.sql("PRAGMA platform").fetchone()[0]}")')
  [ -d "$folder/home/.duckdb/extensions/$place" ] && return
  mkdir -p "$folder/home/.duckdb/extensions/$place.new"
  find "$folder/local_bigquery/lib" -name '*.duckdb_extension' -exec cp {} "$folder/home/.duckdb/extensions/$place.new/" \;
  mv "$folder/home/.duckdb/extensions/$place.new" "$folder/home/.duckdb/extensions/$place"
}

install() {
  local any later
  any=$(python "3, 10" "${MILEPOST_PYTHON:-python3}")
  later=$(python "3, 13" "${MILEPOST_PYTHON313:-}" python3.13 python3.14 "${MILEPOST_PYTHON:-python3}" ~/.pyenv/versions/3.1[3-9]*/bin/python3)
  mkdir -p "$folder"
  environment fakesnow "$any"
  environment snowduck "$any"
  environment googlesql "$any"
  environment local_bigquery "$later"
  extensions
  # The first start makes machine code of it, which takes a minute.
  "$folder/googlesql/bin/python" "$here/googlesql.py" < /dev/null > /dev/null
}

# runs NAME: whether what `start` started is still there.
runs() {
  [ -f "$running/$1.pid" ] && kill -0 "$(cat "$running/$1.pid")" 2>/dev/null
}

# launch NAME COMMAND...: starts a server, unless it runs.
launch() {
  local name=$1
  shift
  runs "$name" && return
  nohup "$@" < /dev/null > "$running/$name.log" 2>&1 &
  echo $! > "$running/$name.pid"
}

# answers NAME URL: waits for a server.
answers() {
  local tries
  for tries in $(seq 240); do
    curl --silent --output /dev/null --max-time 5 "$2" && return
    runs "$1" || break
    sleep 0.25
  done
  say "$1 does not answer; the end of $running/$1.log, after $tries tries:"
  tail -n 20 "$running/$1.log" >&2
  exit 1
}

start() {
  command -v curl > /dev/null || missing curl
  install
  mkdir -p "$running"
  cd "$here"
  if ! runs bigquery; then
    rm -rf "${running:?}/data"
    mkdir "$running/data"
  fi
  HOME=$folder/home launch bigquery \
    "$folder/local_bigquery/bin/python" bigquery.py --host 127.0.0.1 --port "$bigquery" --grpc-port $((bigquery + 1)) \
    --project milepost --dataset milepost --data-dir "$running/data"
  SHIM_BACKEND=fakesnow.server:app launch fakesnow \
    "$folder/fakesnow/bin/uvicorn" snowflake_shim:app --port "$fakesnow" --log-level warning
  SHIM_BACKEND=snowduck.server:app launch snowduck \
    "$folder/snowduck/bin/uvicorn" snowflake_shim:app --port "$snowduck" --log-level warning
  printf '#!/bin/sh\nexec "%s" "%s"\n' "$folder/googlesql/bin/python" "$here/googlesql.py" > "$running/googlesql"
  chmod +x "$running/googlesql"
  answers bigquery "http://127.0.0.1:$bigquery/bigquery/v2/projects/milepost/datasets"
  answers fakesnow "http://127.0.0.1:$fakesnow/session"
  answers snowduck "http://127.0.0.1:$snowduck/session"
}

environment_variables() {
  runs bigquery && runs fakesnow && runs snowduck || missing "the servers on the ports from $port: \`$0 start\` starts them"
  echo "export MILEPOST_BIGQUERY_ENDPOINT=http://127.0.0.1:$bigquery"
  echo "export MILEPOST_SNOWFLAKE_ENDPOINT=http://127.0.0.1:$fakesnow"
  echo "export MILEPOST_SNOWDUCK_ENDPOINT=http://127.0.0.1:$snowduck"
  printf 'export MILEPOST_GOOGLESQL=%q\n' "$running/googlesql"
}

stop() {
  local name tries
  for name in bigquery fakesnow snowduck; do
    runs "$name" || continue
    kill "$(cat "$running/$name.pid")"
    # A client that holds its connection keeps a server from ending.
    for tries in $(seq 20); do
      runs "$name" || break
      [ "$tries" = 20 ] && kill -9 "$(cat "$running/$name.pid")"
      sleep 0.25
    done
    rm -f "$running/$name.pid"
  done
}

case ${1:-} in
install) install ;;
start) start ;;
env) environment_variables ;;
stop) stop ;;
*)
  sed -n '2,15p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2
  exit 2
  ;;
esac
