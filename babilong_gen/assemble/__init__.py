"""From a story and a noise pool to a sample of exact length: fill, place, splice.

context.py     what all samples of a task share
sample.py      the record that crosses every stage from here to the shard
choose.py      which story a sample tells
assemble.py    one story, one length, one index into one sample
fill.py        noise of exactly the tokens that are missing
places.py      the noise border in front of each fact
splice.py      facts and noise into one text, with all offsets
whole_text.py  a text that is nothing but its story
word_table.py  the words of such a text, each tokenized once
check.py       finished samples tokenized again
windows.py     how that is done without encoding all of a long text at once
"""
