"""Assembly: one story, one length, one index into one sample of exactly that length."""

from __future__ import annotations

from babilong_gen.assemble.check import find_fault
from babilong_gen.assemble.context import AssemblyContext
from babilong_gen.assemble.fill import Noise, NoiseStart, fill
from babilong_gen.assemble.places import Facts, in_bounds, place, room_needed
from babilong_gen.assemble.sample import Piece, Sample
from babilong_gen.assemble.splice import Spliced, Stretch, noise_spans, splice
from babilong_gen.assemble.whole_text import write_whole
from babilong_gen.errors import DoesNotFitError, SelfCheckError
from babilong_gen.lengths import Length
from babilong_gen.rng import Rng
from babilong_gen.tasks.story import Story
from babilong_gen.tokenizer import does_not_compose

# A story that leaves less room than this for noise counts as one that does not fit: the few sentences
# short enough to close so small a gap would be the same ones over and over.
LEAST_NOISE_TOKENS = 16

# Stretches of noise that are tried for one sample before it is given up. Facts that nearly fill their segment
# or range can begin at a token or two only, and few stretches have a sentence border there.
_STRETCHES_TRIED = 32
_STRETCHES_TRIED_WITHIN_BOUNDS = 1_024

# Guesses at whether noise or a fact opens the input, which can change how many tokens the opening has.
_OPENINGS_TRIED = 4


def fits(story: Story, length: Length, context: AssemblyContext) -> bool:
    """Return whether the story, placed as asked, and some noise can make up the length."""
    if length.facts_only or story.writer:
        return True
    tokens = input_tokens(story, length, context)
    if tokens - len(story.facts) < LEAST_NOISE_TOKENS:  # a fact has a token at least
        return False
    facts = _facts(story, context)
    needed = room_needed(context.placement, facts, input_tokens=tokens, segment_size=context.segment_size)
    return tokens - needed >= LEAST_NOISE_TOKENS


def input_tokens(story: Story, length: Length, context: AssemblyContext) -> int:
    """Return how many tokens the sample's `input` must have (not defined for `0k`)."""
    return length.input_tokens(
        question_tokens=len(context.fact_tokens(story.question).ids),
        segment_size=context.segment_size,
        reserve=context.reserve,
    )


def assemble(story: Story, context: AssemblyContext, *, length: Length, index: int) -> Sample:
    """Make sample `index` of the story's task at a length.

    Raises:
        DoesNotFitError: no stretch of the noise closes to exactly the length, or has a sentence border
            where the placement wants the facts.
        SourceError: the tokenizer turned out not to compose at a sentence border.
        SelfCheckError: the corpus's counts contradict each other.
    """
    if story.writer:
        rng = Rng(*_key(story, context, length, index), "words")
        name = f"{story.task} at {length.name}, sample {index}"
        tokens = input_tokens(story, length, context)
        spliced, stretches = write_whole(story, context, rng, name=name, tokens=tokens), []
        _check_count(spliced, tokens, story, length, index)
    elif length.facts_only:
        spliced, stretches = splice(story, [0] * len(story.facts), None, context)
    else:
        spliced, stretches = _in_noise(story, context, length, index)
    sample = Sample(
        sample_id=f"{story.task}/{length.name}/{index:06d}",
        task=story.task,
        length=length.name,
        text=spliced.text(),
        question=story.question,
        target=story.answer,
        choices=story.choices,
        targets=(story.answers or (story.answer,)) if context.with_targets else (),
        n_tokens=spliced.tokens,
        noise_tokens=sum(stretch.tokens for stretch in stretches),
        facts=spliced.facts,
        noise=noise_spans(stretches, context),
        input_ids=spliced.input_ids() if context.store_tokens else None,
        pieces=[
            Piece(size=len(text), ids=ids) for text, ids in zip(spliced.pieces, spliced.ids, strict=True)
        ],
    )
    if not context.tokenizer.proved and (fault := find_fault(sample, context.tokenizer.tokenizer)):
        text = sample.text.decode()
        border = max(0, text.rfind(" ", 0, max(fault.char, 1)))
        raise does_not_compose(context.tokenizer.name, text[:border], text[border + 1 :])
    return sample


def _in_noise(
    story: Story, context: AssemblyContext, length: Length, index: int
) -> tuple[Spliced, list[Stretch]]:
    tokens = input_tokens(story, length, context)
    facts = _facts(story, context)
    key = _key(story, context, length, index)
    starts = Rng(*key, "noise")
    tried = _STRETCHES_TRIED_WITHIN_BOUNDS if context.placement.bounded else _STRETCHES_TRIED
    for stretch in range(tried):
        start = _draw_start(context, starts, tokens)
        found = _fill_and_place(story, context, facts, start, (*key, "place", stretch), index, tokens)
        if found is None:
            continue
        noise, borders = found
        spliced, stretches = splice(story, borders, noise, context)
        if _names_in(stretches, story, context):
            continue
        spans = [(fact.token_start, fact.token_end) for fact in spliced.facts]
        if in_bounds(context.placement, spans, input_tokens=tokens, segment_size=context.segment_size):
            _check_count(spliced, tokens, story, length, index)
            return spliced, stretches
    raise DoesNotFitError(
        f"{story.task} at {length.name}, sample {index}: of {tried:,} stretches of noise none has "
        f"sentences that make up exactly {tokens:,} tokens with the facts at {context.placement.text}"
        f"{' and holds none of its keys and values' if story.names else ''}; "
        "use more varied noise, another length or another placement"
    )


def _key(story: Story, context: AssemblyContext, length: Length, index: int) -> tuple[str | int, ...]:
    """Return what keys the draws: a paired ladder has the same noise, places and words throughout."""
    return context.draws_key, story.task, "" if context.paired else length.name, index


def _check_count(spliced: Spliced, tokens: int, story: Story, length: Length, index: int) -> None:
    if spliced.tokens != tokens:
        raise SelfCheckError(
            f"{story.task}/{length.name}/{index:06d} was put together as {spliced.tokens:,} tokens, "
            f"not {tokens:,}; this is a fault of ours: please report it"
        )


def _names_in(stretches: list[Stretch], story: Story, context: AssemblyContext) -> bool:
    """Return whether the noise holds, by chance, a name that only the story may hold."""
    text = context.pool.corpus.text.data
    names = [name.encode() for name in story.names]
    noise = (bytes(text[stretch.byte_start : stretch.byte_end]) for stretch in stretches if names)
    # That a letter is nowhere is found out much sooner than that a name is nowhere.
    return any(all(letter in part for letter in name) and name in part for part in noise for name in names)


def _draw_start(context: AssemblyContext, rng: Rng, tokens: int) -> NoiseStart:
    """Draw where the noise begins, and where each further pass begins if the pool must be read again."""
    passes = tokens // max(1, context.pool.tokens) + 2 if context.reuse else 1
    first = rng.randrange(context.pool.start_below)
    if context.pool.start_below < len(context.pool.kept):
        return NoiseStart(starts=(first,))
    return NoiseStart(starts=(first, *(rng.randrange(len(context.pool.kept)) for _ in range(passes - 1))))


def _fill_and_place(
    story: Story,
    context: AssemblyContext,
    facts: Facts,
    start: NoiseStart,
    place_key: tuple[str | int, ...],
    index: int,
    tokens: int,
) -> tuple[Noise, list[int]] | None:
    """Fill the input exactly, and find the facts' borders in the noise; None where there are none.

    How many tokens the opening sentence has depends on whether noise or a fact opens the input, which is
    known only when the facts are placed: it is guessed, and the noise filled again where the guess was wrong.
    """
    extra = _opening_extra(story, [1], start.starts[0], context)
    for _ in range(_OPENINGS_TRIED):
        noise = fill(context.pool, start, tokens - facts.total - extra)
        if noise is None:
            return None
        borders = place(
            context.placement,
            facts,
            noise,
            Rng(*place_key),
            index=index,
            input_tokens=tokens,
            segment_size=context.segment_size,
        )
        if borders is None:
            return None
        first = noise.runs[0][0] if noise.runs else 0
        actual = _opening_extra(story, borders if noise.runs else [0], first, context)
        if actual == extra:
            return noise, borders
        extra = actual
    return None


def _opening_extra(story: Story, borders: list[int], first_kept: int, context: AssemblyContext) -> int:
    if not context.tokenizer.joiner:
        return 0
    if borders[0] == 0:
        fact = story.facts[0]
        return context.opening_extra(fact, len(context.fact_tokens(fact).ids))
    before = context.pool.tokens_before
    sentence = context.pool.corpus.sentence(int(context.pool.kept[first_kept]))
    return context.opening_extra(sentence, int(before[first_kept + 1] - before[first_kept]))


def _facts(story: Story, context: AssemblyContext) -> Facts:
    return Facts(
        tokens=[len(context.fact_tokens(fact).ids) for fact in story.facts],
        supporting=story.supporting or tuple(range(len(story.facts))),
        opens=story.task == "memorize",
    )
