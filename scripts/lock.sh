#!/usr/bin/env bash
# Remakes requirements/*.lock from pyproject.toml: every version and hash, for all supported Pythons, and no index address.
#   scripts/lock.sh [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."

compile() {
  local output="requirements/$1.lock"
  shift
  .venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.10 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
    --extra postgres --output-file "$output" "$@" >/dev/null
  if grep -nE '://|--index|--find-links|@ file' "$output"; then
    echo "$output names an address; a lock must install from any index" >&2
    exit 1
  fi
}

compile run --group build "$@"
compile dev --group dev --constraint requirements/run.lock "$@"
