"""From samples to a dataset on disk: shards, manifest, card."""
