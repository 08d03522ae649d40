"""Connections to directories: credentials, validation report, health and expiry."""
