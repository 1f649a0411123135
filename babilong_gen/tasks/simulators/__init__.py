"""Stories without end, one module per family of tasks."""
