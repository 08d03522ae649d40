"""What only Microsoft Entra ID knows: endpoints, credential form, error codes, tokens and permissions."""
