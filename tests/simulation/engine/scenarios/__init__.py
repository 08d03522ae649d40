"""Scenarios: scripted histories that lead to branches which histories at random seldom reach."""

from typing import Final

from tests.simulation.engine.play import Scenario
from tests.simulation.engine.scenarios import (
    configuration,
    decisions,
    imports,
    operations,
    protocol,
    recipients,
    runs,
    tenants,
)

ALL: Final[tuple[Scenario, ...]] = (
    *imports.SCENARIOS,
    *recipients.SCENARIOS,
    *configuration.SCENARIOS,
    *runs.SCENARIOS,
    *decisions.SCENARIOS,
    *operations.SCENARIOS,
    *protocol.SCENARIOS,
    *tenants.SCENARIOS,
)
