"""Azure Functions blueprints: decode, call one workflow, encode."""
