"""What a model is asked, in words.

prompts.py  the words around a sample, which lie in `prompts.toml`
ruler.py    those of RULER's templates
"""
