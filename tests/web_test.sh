#!/bin/bash
# The tests of the pages in web/: types, style, units, and the browser's (Playwright with Chromium).
# Prints `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."
page=$(mktemp)
trap 'rm -f "$page"' EXIT
tools/page "$page" # brings the packages
PATH=$(dirname "$(tools/node node)"):$PATH
cd web
node tests/run.js
