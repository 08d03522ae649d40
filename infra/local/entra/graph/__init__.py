"""Microsoft Graph: every address that is imitated."""
