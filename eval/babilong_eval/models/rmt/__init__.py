"""The Recurrent Memory Transformer: a memory of a few vectors that is handed from segment to segment.

config.py      what makes an RMT: its form, memory, segments, labels
encoder.py     around BERT and kin (arXiv 2304.11062)
decoder.py     around GPT-2, Llama and kin (arXiv 2207.06881)
last_layer.py  spares what nobody reads of a segment
model.py       an RMT as the harness's `SegmentModel`
saving.py      folders: config.json, model.safetensors, tokenizer.json
original.py    checkpoints of the authors' own code
"""
