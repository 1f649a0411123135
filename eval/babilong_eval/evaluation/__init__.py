"""One run: samples asked, answers logged, scores written."""
