"""Set up a checkout: Python packages in `.venv`, Azurite in `infra/local/azurite/node_modules`.

It runs with the system's Python before any package is installed, so it imports only the standard library.
"""
