"""What a deployment costs a month whether or not there is work: idle, and each option, from the snapshots."""

from dataclasses import dataclass
from typing import Any, Final

import function_app
from infra.azure.snapshot import Snapshot
from infra.capacity.figures import Assumptions, Prices
from infra.capacity.scale.limits import BILLED_AT_LEAST_S, INSTANCE_GB

#: Instances that zone redundancy keeps ready for each scale group.
#: Source: https://learn.microsoft.com/azure/reliability/reliability-functions
ZONE_INSTANCES: Final = 2
_DAY_H: Final = 24.0
_HOUR_S: Final = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A fixed cost: what it consists of, and the sum of a month in USD."""

    name: str
    parts: str
    usd: float
    #: Parameter of main.bicep that switches it on; empty if there is none.
    parameter: str = ""


def options(assumed: Assumptions, prices: Prices) -> tuple[Option, ...]:
    """Return the fixed costs of the deployments in the snapshots."""
    idle, full = Snapshot.load("dev"), Snapshot.load("prod")
    hours = assumed.month.days * _DAY_H
    rules = len(idle.of_type("Microsoft.Insights/scheduledQueryRules"))
    gateways = len(full.of_type("Microsoft.Network/natGateways"))
    addresses = len(full.of_type("Microsoft.Network/publicIPAddresses"))
    further = len(full.storage_accounts) - 1
    endpoints = len(full.of_type("Microsoft.Network/privateEndpoints")) - further
    zones = len(full.of_type("Microsoft.Network/privateDnsZones"))
    test = full.one("Microsoft.Insights/webtests")["properties"]
    tests = hours * _HOUR_S / test["Frequency"] * len(test["Locations"])
    groups = scale_groups()
    ready_gb_s = groups * ZONE_INSTANCES * INSTANCE_GB * hours * _HOUR_S
    return (
        Option(name="idle, without customers", parts=f"{rules} alerts", usd=prices.alert_rules.of(rules)),
        Option(
            name="network",
            parts=f"{gateways} NAT gateway, {addresses} address, {endpoints} endpoints, {zones} DNS zones",
            usd=prices.nat_hours.of(gateways * hours)
            + prices.address_hours.of(addresses * hours)
            + prices.endpoint_hours.of(endpoints * hours)
            + prices.dns_zones.of(zones),
            parameter="vnetEnabled",
        ),
        Option(
            name="each further table account, with the network",
            parts="1 endpoint",
            usd=prices.endpoint_hours.of(hours),
        ),
        Option(
            name="zone redundancy of the app",
            parts=f"{ZONE_INSTANCES} instances of {INSTANCE_GB:g} GB for each of {groups} scale groups",
            usd=prices.always_ready_gb_s.of(ready_gb_s),
            parameter="zoneRedundant",
        ),
        Option(
            name="availability test",
            parts=f"{tests:,.0f} tests from {len(test['Locations'])} places, as many seconds of the app, 1 alert",
            usd=prices.availability_tests.of(tests)
            + prices.functions_gb_s.of(prices.functions_gb_s.free + tests * BILLED_AT_LEAST_S * INSTANCE_GB)
            + prices.alert_rules.of(1),
            parameter="availabilityTest",
        ),
    )


def scale_groups() -> int:
    """Return the number of scale groups: HTTP functions share one, every other function is its own.

    Source: https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#per-function-scaling
    """
    functions: list[Any] = [builder._function for builder in function_app.app._function_builders]  # noqa: SLF001
    others = [function for function in functions if function.get_trigger().get_binding_name() != "httpTrigger"]
    return len(others) + 1
