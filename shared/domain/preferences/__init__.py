"""What an admin chooses: preferences, attribute map, filters, location rule and group mapping."""
