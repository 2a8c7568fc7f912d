#!/usr/bin/env bash
# Prints the folder that holds PostgreSQL's server programs (initdb, postgres); installs Debian's package where it may.
#   scripts/ensure_postgres.sh [--find-only]
# Looked at in this order: PG_BIN, /usr/lib/postgresql/*/bin (newest first), PATH.
set -euo pipefail

find_bin() {
  local candidates=() initdb
  [ -n "${PG_BIN:-}" ] && candidates+=("$PG_BIN")
  while IFS= read -r folder; do candidates+=("$folder"); done < <(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV)
  initdb="$(command -v initdb || true)"
  [ -n "$initdb" ] && candidates+=("$(dirname "$(readlink -f "$initdb")")")
  for folder in "${candidates[@]}"; do
    if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
      echo "$folder"
      return 0
    fi
  done
  return 1
}

find_bin && exit 0
if [ "${1:-}" != "--find-only" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "PostgreSQL's server programs are missing: installing Debian's postgresql" >&2
  {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql
  } >&2
  find_bin && exit 0
fi
echo "PostgreSQL's server programs (initdb, postgres) were not found: install PostgreSQL 14 or newer, or set PG_BIN to the folder that holds them." >&2
exit 1
