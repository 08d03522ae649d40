"""The OData part of a query: `$filter`, `$search` and paging options."""
