"""One use case a file. Workflows know ports and the domain; they talk to each other through jobs only."""
