"""The dataset as the harness reads it."""
