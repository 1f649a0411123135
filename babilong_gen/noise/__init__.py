"""Natural text around the facts: documents from `sources/`, tokenized once into a `corpus/`."""
