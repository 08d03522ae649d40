"""The HTTP API: one blueprint per resource. A route decodes the request, calls one workflow and encodes the result."""

from shared.triggers.http import (
    audit,
    connection,
    doctor,
    erasures,
    health,
    imports,
    keys,
    ledger,
    locations,
    overview,
    pause,
    portal,
    recipients,
    runs,
    tenants,
    users,
)
from shared.triggers.http.framework import openapi, routing

BLUEPRINTS = (
    audit.bp,
    connection.bp,
    doctor.bp,
    erasures.bp,
    health.bp,
    imports.bp,
    keys.bp,
    ledger.bp,
    locations.bp,
    openapi.bp,
    overview.bp,
    pause.bp,
    portal.bp,
    recipients.bp,
    routing.bp,
    runs.bp,
    tenants.bp,
    users.bp,
)
