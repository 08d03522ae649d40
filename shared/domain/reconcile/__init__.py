"""Who becomes a recipient, who stays, and who leaves."""
