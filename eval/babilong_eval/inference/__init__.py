"""Samples through a model.

segment_loop.py     prompt -> tokens -> batches -> segments -> answers
chunked_encoder.py  a text of any length to exactly its tokens: `ExactEncoder`
batching.py         samples of similar length side by side
shared_prefix.py    the question at every length, in one pass
text_losses.py      how likely each token of a text is, for perplexity
sample_result.py    an answer, or why there is none
memory.py           peak memory
endpoint.py         a server instead of a model
server_address.py   `api:MODEL@BASE_URL`
openai_server.py    has it answer, several samples at once
server_request.py   what is sent
server_reply.py     what comes back
server_failures.py  what goes wrong
"""
