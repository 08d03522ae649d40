"""Calls of the HTTP API in this process, each held to the API's own description."""
