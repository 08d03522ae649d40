"""Command line client of the HTTP API, for people and scripts. It imports nothing else of the app."""
