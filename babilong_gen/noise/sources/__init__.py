"""Where documents of natural text come from.

source.py       what a user names, turned into a source
quality.py      `quality`
hub.py          `hf:`, and `pg19`
files.py        `files:`
procedural.py   `procedural`, told by `prose/`
prose/          made-up stories from a grammar
repeated.py     `repeat`
needles.py      `needles:`
rows.py         the one field of JSON and Parquet rows that is the text
html.py         the text of a page
splits.py       which files of a repository are one config and split
download.py     one file over HTTP, resumed and checked
fingerprint.py  the content of files as one hash
"""
