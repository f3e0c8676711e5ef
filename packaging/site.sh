#!/usr/bin/env bash
# Builds the site of docs/ into target/site, or shows it while it is written.
#
#   packaging/site.sh build [FOLDER]   into FOLDER, or target/site
#   packaging/site.sh check [FOLDER]   the same, and looks whether a page loads anything from elsewhere
#   packaging/site.sh browse [FOLDER]  the same in headless Chromium: the console, the search, screens of three kinds
#   packaging/site.sh serve            at http://127.0.0.1:8000
#   packaging/site.sh environment      makes the environment only, and says where it is
#
# It needs Python 3.9 or newer with venv. What it installs is pinned in packaging/site/requirements.txt and lies in the user's cache,
# in a folder of those pins, so that a second build needs no network. It ends with 69 where that cannot be had.
set -euo pipefail
cd "$(dirname "$0")/.."

command=${1:-build}
pins=packaging/site/requirements.txt
hash=$( (sha256sum "$pins" 2>/dev/null || shasum -a 256 "$pins") | cut -c1-12)
environment=${XDG_CACHE_HOME:-$HOME/.cache}/milepost/site/$hash

if [ ! -e "$environment/ready" ]; then
  rm -rf "$environment"
  {
    python3 -m venv "$environment" && "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$pins"
  } >&2 || { rm -rf "$environment"; echo 'the Python packages of packaging/site/requirements.txt cannot be had' >&2; exit 69; }
  touch "$environment/ready"
fi

# Material prints advice on its own releases.
export NO_MKDOCS_2_WARNING=1 DISABLE_MKDOCS_2_WARNING=true
mkdocs() { "$environment/bin/python" -m mkdocs "$@" --config-file packaging/site/mkdocs.yml; }
site=$(realpath -m "${2:-target/site}")

# Not with `--quiet`, for which a warning is none: then no dead link fails.
build() { mkdocs build --strict --site-dir "$site" 2>&1 | { grep -v '^INFO ' || true; }; }

# A page of ours is read without anybody else being told.
check() {
  local remote
  remote=$(grep -rlE '<(script|img|iframe)[^>]+src="?(https?:)?//|<link[^>]+rel="?(stylesheet|preload|preconnect)"?[^>]+href="?(https?:)?//' \
    "$site" --include='*.html' || true)
  [ -z "$remote" ] || { printf 'loaded from elsewhere:\n%s\n' "$remote"; return 1; }
  printf '%d pages, nothing is loaded from elsewhere\n' "$(find "$site" -name '*.html' | wc -l)"
}

# What drives Chromium has an environment of its own, made on the first call. Chromium itself is that which CHROMIUM names, or one that is
# fetched there.
browse() {
  local browser=${XDG_CACHE_HOME:-$HOME/.cache}/milepost/site/browser
  [ -x "$browser/bin/playwright" ] || { python3 -m venv "$browser" && "$browser/bin/pip" install --quiet playwright==1.65.2; } >&2
  if [ -z "${CHROMIUM:-}" ]; then
    export PLAYWRIGHT_BROWSERS_PATH=$browser/chromium
    "$browser/bin/playwright" install --only-shell chromium >&2
  fi
  "$browser/bin/python" packaging/site/browse.py "$site" "$site-screens"
}

case $command in
  build) build ;;
  check) build && check ;;
  browse) build && browse ;;
  serve) mkdocs serve ;;
  environment) echo "$environment" ;;
  *) echo "no command \`$command\`: build, check, browse, serve or environment" >&2; exit 64 ;;
esac
