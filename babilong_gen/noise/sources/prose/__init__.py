"""Made-up stories from a grammar.

    rules/*.txt ─► grammar (parsed, compiled) ─► telling (what one story remembers) ─► story ─► polish ─► text

The English lies in `rules/`, which a person can read and extend without reading any Python;
`grammar` explains its notation.
"""
