#!/usr/bin/env bash
# Asks a real project or account what no stand-in can tell, and prints what was seen: on_the_services.md says what is asked.
#
#     tests/on_the_services.sh FOLDER TARGET
#
# FOLDER is a project whose TARGET is a BigQuery dataset or a Snowflake schema that may be written to and that nobody needs:
# tables `services_…` are made in it. It costs what two runs of the project cost, and a few cents. What is seen is also
# written to FOLDER/target/on_the_services.txt.
set -uo pipefail
[ $# = 2 ] || { sed -n '2,9p' "$0"; exit 2; }
folder=$(cd "$1" && pwd) || exit 2
target=$2
cd "$(dirname "$0")/.." || exit 2
mkdir -p "$folder/target"

step() {
  printf '\n==> %s\n' "$*"
  local began=$SECONDS code=0
  "$@" || code=$?
  printf '<== exit code %d, %d s\n' "$code" $((SECONDS - began))
}

milepost() { cargo run --quiet --release -- --project-dir "$folder" --target "$target" "$@"; }

{
  date -u
  git rev-parse HEAD
  step milepost debug
  step milepost explain --estimate
  MILEPOST_SERVICES_PROJECT=$folder MILEPOST_SERVICES_TARGET=$target \
    step cargo test --quiet --release --test it -- services::on_the_service --exact --nocapture
  step milepost verify
  step milepost run
  # Again: everything is replaced.
  step milepost run
  step cat "$folder/target/run_results.json"
} 2>&1 | tee "$folder/target/on_the_services.txt"
