#!/usr/bin/env bash
# Prints the path of a Chromium or Chrome; installs Debian's chromium where it may.
#   scripts/ensure_chromium.sh [--find-only]
# Looked at in this order: CHROMIUM, then chromium, chromium-browser, google-chrome on PATH.
set -euo pipefail

find_browser() {
  local name found
  for name in ${CHROMIUM:-} chromium chromium-browser google-chrome; do
    if found="$(command -v "$name")"; then
      echo "$found"
      return 0
    fi
  done
  return 1
}

find_browser && exit 0
if [ "${1:-}" != "--find-only" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  exec 9<"$0" && flock 9 # one of several test processes installs, the others find it then
  find_browser && exit 0
  echo "No Chromium was found: installing Debian's chromium" >&2
  {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium
  } >&2
  find_browser && exit 0
fi
echo "No Chromium was found: install chromium, or set CHROMIUM to a Chromium or Chrome." >&2
exit 1
