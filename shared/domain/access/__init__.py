"""Callers, product users, idempotent requests and rate limits."""
