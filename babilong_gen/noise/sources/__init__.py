"""Where documents of natural text come from."""
