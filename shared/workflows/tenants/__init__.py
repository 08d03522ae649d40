"""Tenants, preferences, locations, who may do what, and deletion."""
