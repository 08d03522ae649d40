"""Requests and answers, apart from the network."""
