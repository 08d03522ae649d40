"""Queries for the portal and operators, dead letters and health checks."""
