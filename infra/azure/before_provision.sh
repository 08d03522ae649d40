#!/usr/bin/env sh
# Store values in the azd environment that templates cannot calculate. azd passes its environment to hooks as variables.
set -eu
# The first day of this month, once: the start of a budget cannot be changed later.
if [ -z "${BUDGET_START:-}" ]; then
  azd env set BUDGET_START "$(date -u +%Y-%m-01)"
fi
# The window of the alert about missing runs follows SYNC_SCHEDULE. An invalid schedule ends the deployment here.
two_periods=$(make --silent two-periods)
azd env set TWO_PERIODS "$two_periods"
