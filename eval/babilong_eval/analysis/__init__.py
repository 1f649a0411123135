"""From results, models and sizes to the numbers that figures draw."""
