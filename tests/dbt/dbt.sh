#!/usr/bin/env bash
# dbt, for the tests of `milepost export dbt` (tests/it/dbt.rs): installs it, and says where it is.
#
#   dbt.sh install   makes what is not there yet: a minute and 1.1 GB once, a moment afterwards
#   dbt.sh python    prints the Python that has it
#
# MILEPOST_DBT     the folder that it is kept in, by default ~/.cache/milepost/dbt
# MILEPOST_PYTHON  a Python of 3.10 or newer, by default python3
#
# Exit code 69: something that it needs is missing here, and it is said what; so that a caller can skip the tests that need
# it. Any other failure is a failure.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${MILEPOST_DBT:-${XDG_CACHE_HOME:-$HOME/.cache}/milepost/dbt}
python=${MILEPOST_PYTHON:-python3}

missing() {
  echo "dbt: MISSING: $*" >&2
  exit 69
}

install() {
  local wanted
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    missing "Python 3.10 or newer ($python is none); MILEPOST_PYTHON names one"
  wanted=$("$python" --version; cat "$here/requirements.txt")
  [ "$(cat "$folder/installed" 2>/dev/null)" = "$wanted" ] && return
  echo "dbt: installing into $folder" >&2
  rm -rf "${folder:?}"
  "$python" -m venv "$folder" || missing "a Python that can make virtual environments ($python)"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --requirement "$here/requirements.txt" >&2 ||
    missing "what requirements.txt names: is there a network, or a registry?"
  printf '%s' "$wanted" > "$folder/installed"
}

case ${1:-} in
install) install ;;
python)
  [ -f "$folder/installed" ] || missing "dbt in $folder: \`$0 install\` makes it"
  echo "$folder/bin/python"
  ;;
*)
  sed -n '2,12p' "${BASH_SOURCE[0]}" | sed 's/^# \{0,1\}//' >&2
  exit 2
  ;;
esac
