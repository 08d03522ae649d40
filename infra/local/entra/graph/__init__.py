"""Microsoft Graph: every imitated route."""
