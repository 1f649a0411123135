"""Natural text around the facts.

sources/     where documents come from
document.py  one of them
corpus/      documents cut into sentences, tokenized once and memory-mapped
"""
