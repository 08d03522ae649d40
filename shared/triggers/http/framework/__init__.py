"""Routing, decoding, encoding and the OpenAPI contract of the HTTP API."""
