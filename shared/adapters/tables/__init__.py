"""A fast Table Storage client on azure-data-tables. It knows nothing of this product."""
