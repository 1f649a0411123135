"""The dataset as the harness reads it.

dataset.py         tasks and lengths: opened, chosen, read
sample.py          one row as a sample
contents.py        what a dataset says that it holds
layout.py          which files hold a task at a length
row_readers.py     rows of a file, in bounded memory
hub.py             files brought from the Hugging Face Hub
object_store.py    files brought from an object store
torch_iterable.py  samples made in the workers of a torch loader
"""
