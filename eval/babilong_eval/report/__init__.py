"""All of a study on one HTML page."""
