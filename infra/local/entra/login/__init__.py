"""The login service: tokens, consent and managed identity."""
