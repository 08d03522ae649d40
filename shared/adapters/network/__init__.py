"""Addresses, TLS and transport that all adapters share."""
