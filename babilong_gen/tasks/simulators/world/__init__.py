"""bAbI's little world, in which people walk about, carry things and are told of.

wording.py   the sentences that tell an event, as the official files word them
telling.py   how a story unfolds: two facts, then perhaps a question; bounds and distractors
carrying.py  people, places and things, what can happen among them, and who listens

The families of tasks that are played in it are modules beside this package.
"""
