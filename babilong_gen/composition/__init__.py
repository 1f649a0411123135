"""Whether a tokenizer composes at sentence borders, read off its definition.

    encode(a + " " + b) == encode(a) + continued(b)

for every pair of sentences, where `continued(b)` is `encode(joiner + b)` with a joiner of `""` or `" "`.

proof.py    the space between two sentences, followed through the tokenizer's stages
pattern.py  what a regular expression can do at that space
added.py    what the tokens do that are found before any of that
"""
