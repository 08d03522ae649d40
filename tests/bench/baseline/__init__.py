"""The straightforward app, as the SDKs' samples would have it: what ours is measured against. Never deployed."""
