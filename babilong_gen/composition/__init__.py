"""Whether a tokenizer composes at sentence borders, read off its definition.

    encode(a + " " + b) == encode(a) + continued(b)

for every pair of sentences, where `continued(b)` is `encode(joiner + b)` with a joiner of `""` or `" "`.
`proof` follows the space between two sentences through the tokenizer's stages, `pattern` reads what a
regular expression can do at that space, `added` what the tokens do that are found before any of that.
"""
