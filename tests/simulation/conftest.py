"""A tenant in groups mode and one in full mode, on fakes."""
