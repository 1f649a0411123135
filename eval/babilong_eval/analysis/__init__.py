"""From results to numbers."""
