"""The HTTP API, a blueprint per noun. Each route decodes its input, calls one workflow, and encodes what it says."""

from shared.triggers.http import connection, health, locations, recipients, runs, tenants

BLUEPRINTS = (connection.bp, health.bp, locations.bp, recipients.bp, runs.bp, tenants.bp)
