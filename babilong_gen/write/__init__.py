"""From samples to a dataset on disk: shards, manifest, card.

plan.py          which shards there are, and which of them a run makes
dataset_plan.py  what an unfinished folder is going to hold
folder.py        a folder on this machine, or wherever fsspec goes
schema.py        the columns
shards.py        Parquet files, there whole or not at all
card.py          README.md; `depths.py` draws its figure, `credits.py` names the sources
depths.py        where the supporting facts lie, in characters
credits.py       licences and citations
croissant.py     croissant.json
manifest.py      manifest.json, written last
"""
