"""One external system a file or folder, and the only place where its SDK is imported."""
