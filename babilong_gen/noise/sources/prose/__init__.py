"""Made-up stories from a grammar.

    rules/*.txt ─► grammar (parsed, compiled) ─► telling (what one story remembers) ─► story ─► polish ─► text

The English lies in `rules/`, which a person can read and extend without reading any Python.

grammar.py  the notation of the rules, explained and compiled
people.py   the cast of a story, and the words that stand for them
telling.py  what is remembered while a story is told
story.py    a whole story: cast, plot, scenes
polish.py   articles, capitals, typesetting
"""
