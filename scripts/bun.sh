#!/bin/sh
# Runs Bun with the given arguments, after providing whatever is missing: Bun itself (from npm, into
# .bun/) and the dependencies. So `npm start` works where there is only Node with npm, and
# `bun run start` where there is only Bun. Used by the scripts in package.json.
set -eu

wanted=1.4.5
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

# True for a Bun that runs here and is at least $wanted.
is_good() {
  found=$("$1" --version 2>/dev/null) || return 1
  printf '%s %s\n' "$found" "$wanted" | tr '.-' '  ' | {
    read -r a b c rest || return 1
    # A pre-release has a fourth word before the wanted version's three.
    set -- $rest
    while [ $# -gt 3 ]; do shift; done
    [ "$a" -gt "$1" ] && return 0
    [ "$a" -eq "$1" ] || return 1
    [ "$b" -gt "$2" ] && return 0
    [ "$b" -eq "$2" ] && [ "$c" -ge "$3" ]
  }
}

# Prints the path of a good Bun, if there is one. The package's own `bin/bun` needs an install script,
# which npm may have been told not to run; the program itself is in the package of the platform.
find_bun() {
  for candidate in "$(command -v bun || true)" "$root"/.bun/node_modules/@oven/bun-*/bin/bun; do
    if [ -n "$candidate" ] && [ -x "$candidate" ] && is_good "$candidate"; then
      printf '%s\n' "$candidate"
      return 0
    fi
  done
  return 1
}

if ! bun=$(find_bun); then
  if ! command -v npm >/dev/null 2>&1; then
    echo "This needs Bun $wanted or newer (https://bun.sh), or Node.js with npm to fetch it" >&2
    exit 2
  fi
  echo "Fetching Bun $wanted from npm into .bun/ ..." >&2
  npm install --prefix "$root/.bun" --no-save --no-audit --no-fund --ignore-scripts \
    --loglevel=error "bun@$wanted" >&2
  if ! bun=$(find_bun); then
    echo "The Bun that npm installed does not run on this machine" >&2
    exit 2
  fi
fi

# Scripts that are started from here find the same Bun.
PATH=$(dirname -- "$bun"):$PATH
export PATH

installed=$root/node_modules/.installed-bun.lock
if ! cmp -s "$root/bun.lock" "$installed"; then
  echo "Installing dependencies ..." >&2
  (cd "$root" && "$bun" install --frozen-lockfile >&2)
  cp "$root/bun.lock" "$installed"
fi

exec "$bun" "$@"
