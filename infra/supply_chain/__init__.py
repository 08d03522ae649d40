"""Check the packages of others: their licences, and what is known to be vulnerable."""
