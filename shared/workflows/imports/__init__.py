"""CSV imports, small and large."""
