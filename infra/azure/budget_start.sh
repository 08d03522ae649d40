#!/usr/bin/env sh
# Store the first day of this month in the azd environment, once: the start of a budget cannot be changed later.
set -eu
# azd passes the values of its environment to hooks as variables.
if [ -z "${BUDGET_START:-}" ]; then
  azd env set BUDGET_START "$(date -u +%Y-%m-01)"
fi
