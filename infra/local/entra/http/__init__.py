"""Requests and responses, independent of the network."""
