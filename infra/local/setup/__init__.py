"""Prepares a checkout: Python packages into `.venv`, Azurite into `infra/local/azurite/node_modules`.

It runs on the system's Python before anything is installed, so it imports only the standard library.
"""
