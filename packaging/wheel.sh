#!/usr/bin/env bash
# Builds the wheel: the program with the drivers of all warehouses, and DuckDB's library, for this platform.
#
#   packaging/wheel.sh FOLDER [PROFILE]
#
# The wheel lies in FOLDER afterwards. PROFILE is one of Cargo.toml: `dist`, which people install, unless another is
# named. It needs Rust, npm (which brings DuckDB's library) and Python 3 with venv; maturin is installed into an
# environment of its own, in the build folder.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:?where the wheel goes}
profile=${2:-dist}
build=${CARGO_TARGET_DIR:-target}/wheel
mkdir -p "$build" "$folder"

if [ ! -x "$build/maturin/bin/maturin" ]; then
  python3 -m venv "$build/maturin"
  "$build/maturin/bin/pip" install --quiet 'maturin>=1.8,<2'
fi

# The build script fetches the library; which file it is, it alone knows.
cargo build --profile "$profile" --features cloud
library=$(find "${DUCKDB_LIB_DIR:-.duckdb}" -name 'libduckdb.so' -o -name 'libduckdb.dylib' | head -n 1)
[ -n "$library" ] || { echo "no library of DuckDB below ${DUCKDB_LIB_DIR:-.duckdb}" >&2; exit 1; }
rm -rf .wheel
mkdir -p .wheel/data/lib/milepost
trap 'rm -rf .wheel' EXIT
cp -L "$library" .wheel/data/lib/milepost/

# The library is not the system's, and does not become part of the program: there is nothing to repair.
"$build/maturin/bin/maturin" build --quiet --profile "$profile" --strip --auditwheel skip --out "$folder"
ls -l "$folder"/milepost-*.whl
