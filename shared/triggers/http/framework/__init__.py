"""Routing, decoding, encoding and the OpenAPI description of the HTTP API."""
