"""Capacity planning: monthly cost per tenant, and how long syncs take as tenants grow in size and number."""
