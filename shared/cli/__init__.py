"""The command line: everything that a person or a script asks the API for. It knows the API, and nothing inside it."""
