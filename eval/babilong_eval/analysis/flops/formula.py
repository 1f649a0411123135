"""The operations of a forward pass (Hoffmann et al. 2022, arXiv 2203.15556, appendix F).

A product of [n, k] and [k, m] counts 2nkm. Attention counts all pairs of tokens, even where a mask hides half
of them, and a softmax three operations for each pair and head. Norms, biases, activations and residual sums
are left out: they grow with the tokens alone and are below a hundredth of any model here.

A segment-recurrent model reads its segments one after another: a text costs the sum of its segments, each
with its memory, so the cost grows linearly with the length of the text.

Figure 3 of arXiv 2304.11062 says that for 2,048,000 tokens in segments of 512 RMT needs ×29 fewer operations
than full attention with OPT-175B and ×295 fewer with OPT-125M, following Hoffmann et al. The two numbers tell
what else it assumes:

- The vocabulary is counted once. Hoffmann et al. count it twice: for the final logits, and for the embeddings
  as a product with one-hot vectors. Then OPT-125M would need only ×223 fewer, and ×405 if it were never
  counted. Here the final logits are counted, at every token; looking up embeddings is free.
- The softmax is counted. Without it the two would be ×28.5 and ×285.
- Memory tokens are not counted: the segment's 512 positions hold everything. Ten more at each end would make
  it ×27.6 and ×276.

That gives ×28.6 and ×287.9, 1.2 % and 2.4 % below the paper. At 2,097,152 = 2048 · 1024 tokens it gives ×29.3
and ×294.8, which round to the paper's numbers: its thousands may well be powers of two.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What decides the operations of a transformer.

    Attributes:
        name: for figures.
        layers: their number; all are alike.
        width: of the residual stream.
        heads: of the queries, per layer.
        key_value_heads: of keys and values, per layer; fewer than `heads` if several queries share one.
        head_width: of each head.
        feed_forward: hidden width of the feed-forward.
        gated: whether the feed-forward has a third matrix, for its gate.
        vocabulary: tokens that the final logits distinguish.
        embedding_width: of the token embeddings; if it is not `width`, two matrices lead there and back.
        memory_copies: of the memory per segment: a decoder has it before and after the text, an encoder once.
    """

    name: str
    layers: int
    width: int
    heads: int
    key_value_heads: int
    head_width: int
    feed_forward: int
    gated: bool
    vocabulary: int
    embedding_width: int
    memory_copies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flops:
    """Operations of a forward pass by kind, over all layers.

    Attributes:
        embeddings: of the tokens, as a product with one-hot vectors; in no sum, since they are looked up.
        embedding_projections: between the width of the embeddings and that of the model.
        queries_keys_values: their three products with the layer's input.
        attention_logits: of each query with each key.
        softmax: of those.
        reductions: the values' sums, weighted by the softmax.
        attention_projection: of the heads' outputs.
        dense: the feed-forward.
        final_logits: over the vocabulary, at each token.
    """

    embeddings: int
    embedding_projections: int
    queries_keys_values: int
    attention_logits: int
    softmax: int
    reductions: int
    attention_projection: int
    dense: int
    final_logits: int

    @property
    def total(self) -> int:
        """All that is computed; embeddings are looked up."""
        return sum(getattr(self, field.name) for field in fields(self)) - self.embeddings

    @property
    def products(self) -> int:
        """Only the products of matrices, which is what `torch.utils.flop_counter` sees."""
        return self.total - self.softmax

    def __add__(self, other: Flops) -> Flops:
        return Flops(
            **{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        )

    def __mul__(self, times: int) -> Flops:
        return Flops(**{field.name: times * getattr(self, field.name) for field in fields(self)})


def full_attention(shape: Shape, tokens: int) -> Flops:
    """Return the operations of a forward pass over a text of that many tokens, read at once."""
    s, d, e = tokens, shape.width, shape.embedding_width
    attended, shared = shape.heads * shape.head_width, shape.key_value_heads * shape.head_width
    vocabulary = 2 * s * shape.vocabulary * e
    return Flops(
        embeddings=vocabulary,
        embedding_projections=0 if e == d else 2 * 2 * s * d * e,
        queries_keys_values=shape.layers * 2 * s * d * (attended + 2 * shared),
        attention_logits=shape.layers * 2 * s * s * attended,
        softmax=shape.layers * 3 * shape.heads * s * s,
        reductions=shape.layers * 2 * s * s * attended,
        attention_projection=shape.layers * 2 * s * attended * d,
        dense=shape.layers * 2 * s * d * shape.feed_forward * (3 if shape.gated else 2),
        final_logits=vocabulary,
    )


def recurrent(shape: Shape, tokens: int, *, segment_size: int, memory_tokens: int = 0) -> Flops:
    """Return the operations of the forward passes over the segments of a text.

    Args:
        segment_size: text tokens per segment; the last segment takes what is left.
        memory_tokens: read with every segment, as often as the shape says.
    """
    memory = shape.memory_copies * memory_tokens
    full, rest = divmod(tokens, segment_size)
    cost = full_attention(shape, segment_size + memory) * full
    return cost + full_attention(shape, rest + memory) if rest else cost
