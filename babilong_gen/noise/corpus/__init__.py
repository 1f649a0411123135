"""Documents cut into sentences, tokenized once and memory-mapped."""
