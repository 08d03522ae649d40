"""A simple app as in the SDKs' samples, for comparison with the product. Never deployed."""
