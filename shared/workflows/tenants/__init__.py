"""Tenants, their settings, authorization, SSO users and deletion."""
