"""Local stand-ins for Azure services. Never deployed, never imported by the product."""
