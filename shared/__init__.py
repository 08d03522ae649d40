"""Recipient Sync: Microsoft Entra ID directories become mailroom recipients."""
