"""From a story and a noise pool to a sample of exact length: fill, place, splice."""
