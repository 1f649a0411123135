"""Samples through a model."""
