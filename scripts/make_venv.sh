#!/usr/bin/env bash
# Makes .venv with the first suitable Python (3.10 to 3.13); PYTHON names one to use instead.
set -euo pipefail
cd "$(dirname "$0")/.."

is_suitable() {
  "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

has_venv() {
  "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

for python in ${PYTHON:-python3.11 python3.12 python3.13 python3.10 python3}; do
  is_suitable "$python" || continue
  if ! has_venv "$python" && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "$python has no venv module: installing Debian's package for it" >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      "python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  fi
  if has_venv "$python"; then
    exec "$python" -m venv .venv
  fi
  echo "$python cannot make virtual environments: install its venv package (Debian: python3-venv)." >&2
done
echo "No Python from 3.10 to 3.13 with venv was found: install one, or name it with PYTHON=/path/to/python." >&2
exit 1
