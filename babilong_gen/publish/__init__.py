"""A finished dataset, copied to the Hugging Face Hub.

What should be there is compared with what is there, and the difference committed until there is none. An
interrupted push needs no memory of its own: the next one finds what is missing in the same way.

tree.py  what a repository should hold, and what it lacks
push.py  checks, compares, commits
hub.py   all that knows the Hub's client
"""
