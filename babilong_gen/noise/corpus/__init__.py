"""Documents cut into sentences, tokenized once and memory-mapped.

sentences.py  white space and sentence borders
build.py      documents cut, tokenized and stored, batch by batch
store.py      the files: Arrow, memory-mapped, sealed by a digest
corpus.py     what can be asked of a corpus
pool.py       the sentences of it that may stand around a task's facts
"""
