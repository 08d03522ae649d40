"""Monthly cost of all tenants at list prices, from measured counts and documented assumptions."""
