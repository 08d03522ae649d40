"""A laptop's stand-ins for Azure. Never deployed, never imported by the product."""
