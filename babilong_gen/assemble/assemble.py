"""Assembly: one story, one length, one index into one sample of exactly that length."""

from __future__ import annotations

from babilong_gen.assemble.check import find_fault
from babilong_gen.assemble.context import AssemblyContext
from babilong_gen.assemble.fill import Noise, NoiseStart, fill
from babilong_gen.assemble.places import Facts, in_bounds, place, room_needed
from babilong_gen.assemble.sample import Piece, Sample
from babilong_gen.assemble.splice import Spliced, Stretch, noise_spans, splice
from babilong_gen.errors import DoesNotFitError, SelfCheckError
from babilong_gen.lengths import Length
from babilong_gen.rng import Rng
from babilong_gen.tasks.story import Story
from babilong_gen.tokenizer import does_not_compose

# A story that leaves less room than this for noise counts as one that does not fit: the few sentences
# short enough to close so small a gap would be the same ones over and over.
LEAST_NOISE_TOKENS = 16

# Stretches of noise that are tried for one sample before it is given up.
_STRETCHES_TRIED = 32

# Guesses at whether noise or a fact opens the input, which can change how many tokens the opening has.
_OPENINGS_TRIED = 4


def fits(story: Story, length: Length, haystack: AssemblyContext) -> bool:
    """Whether the story, placed as asked, and some noise can make up the length."""
    if length.facts_only:
        return True
    facts = _facts(story, haystack)
    tokens = input_tokens(story, length, haystack)
    needed = room_needed(haystack.placement, facts, input_tokens=tokens, segment_size=haystack.segment_size)
    return tokens - needed >= LEAST_NOISE_TOKENS


def input_tokens(story: Story, length: Length, haystack: AssemblyContext) -> int:
    """How many tokens the sample's `input` must have (not defined for `0k`)."""
    return length.input_tokens(
        question_tokens=len(haystack.fact_tokens(story.question).ids),
        segment_size=haystack.segment_size,
        reserve=haystack.reserve,
    )


def assemble(story: Story, haystack: AssemblyContext, *, length: Length, index: int) -> Sample:
    """Make sample `index` of the story's task at a length.

    Raises:
        DoesNotFitError: no stretch of the noise closes to exactly the length, or has a sentence border
            where the placement wants the facts.
        SourceError: the tokenizer turned out not to compose at a sentence border.
        SelfCheckError: the corpus's counts contradict each other.
    """
    if length.facts_only:
        spliced, stretches = splice(story, [0] * len(story.facts), None, haystack)
    else:
        spliced, stretches = _in_noise(story, haystack, length, index)
    sample = Sample(
        sample_id=f"{story.task}/{length.name}/{index:06d}",
        task=story.task,
        length=length.name,
        text=spliced.text(),
        question=story.question,
        target=story.answer,
        choices=story.choices,
        n_tokens=spliced.tokens,
        noise_tokens=sum(stretch.tokens for stretch in stretches),
        facts=spliced.facts,
        noise=noise_spans(stretches, haystack),
        input_ids=spliced.input_ids() if haystack.store_tokens else None,
        pieces=[
            Piece(size=len(text), ids=ids) for text, ids in zip(spliced.pieces, spliced.ids, strict=True)
        ],
    )
    if not haystack.tokenizer.proved and (fault := find_fault(sample, haystack.tokenizer.tokenizer)):
        text = sample.text.decode()
        border = max(0, text.rfind(" ", 0, max(fault.char, 1)))
        raise does_not_compose(haystack.tokenizer.name, text[:border], text[border + 1 :])
    return sample


def _in_noise(
    story: Story, haystack: AssemblyContext, length: Length, index: int
) -> tuple[Spliced, list[Stretch]]:
    tokens = input_tokens(story, length, haystack)
    facts = _facts(story, haystack)
    # A paired ladder draws the same noise and the same relative positions at every length.
    key = (haystack.draws_key, story.task, "" if haystack.paired else length.name, index)
    starts = Rng(*key, "noise")
    for stretch in range(_STRETCHES_TRIED):
        start = _draw_start(haystack, starts, tokens)
        found = _fill_and_place(story, haystack, facts, start, (*key, "place", stretch), index, tokens)
        if found is None:
            continue
        noise, borders = found
        spliced, stretches = splice(story, borders, noise, haystack)
        spans = [(fact.token_start, fact.token_end) for fact in spliced.facts]
        if in_bounds(haystack.placement, spans, input_tokens=tokens, segment_size=haystack.segment_size):
            if spliced.tokens != tokens:
                raise SelfCheckError(
                    f"{story.task}/{length.name}/{index:06d} was put together as {spliced.tokens:,} tokens, "
                    f"not {tokens:,}; this is a fault of ours: please report it"
                )
            return spliced, stretches
    raise DoesNotFitError(
        f"{story.task} at {length.name}, sample {index}: of {_STRETCHES_TRIED} stretches of noise none has "
        f"sentences that make up exactly {tokens:,} tokens with the facts at {haystack.placement.text}; "
        "use more varied noise, another length or another placement"
    )


def _draw_start(haystack: AssemblyContext, rng: Rng, tokens: int) -> NoiseStart:
    """Where the noise begins, and where each further pass begins if the pool must be read again."""
    passes = tokens // max(1, haystack.pool.tokens) + 2 if haystack.reuse else 1
    first = rng.randrange(haystack.pool.start_below)
    if haystack.pool.start_below < len(haystack.pool.kept):
        return NoiseStart(starts=(first,))
    return NoiseStart(starts=(first, *(rng.randrange(len(haystack.pool.kept)) for _ in range(passes - 1))))


def _fill_and_place(
    story: Story,
    haystack: AssemblyContext,
    facts: Facts,
    start: NoiseStart,
    place_key: tuple[str | int, ...],
    index: int,
    tokens: int,
) -> tuple[Noise, list[int]] | None:
    """Noise that fills the input exactly, and the facts' borders in it; None where there are none.

    How many tokens the opening sentence has depends on whether noise or a fact opens the input, which is
    known only when the facts are placed: it is guessed, and the noise filled again where the guess was wrong.
    """
    extra = _opening_extra(story, [1], start.starts[0], haystack)
    for _ in range(_OPENINGS_TRIED):
        noise = fill(haystack.pool, start, tokens - facts.total - extra)
        if noise is None:
            return None
        borders = place(
            haystack.placement,
            facts,
            noise,
            Rng(*place_key),
            index=index,
            input_tokens=tokens,
            segment_size=haystack.segment_size,
        )
        if borders is None:
            return None
        first = noise.runs[0][0] if noise.runs else 0
        actual = _opening_extra(story, borders if noise.runs else [0], first, haystack)
        if actual == extra:
            return noise, borders
        extra = actual
    return None


def _opening_extra(story: Story, borders: list[int], first_kept: int, haystack: AssemblyContext) -> int:
    if not haystack.tokenizer.joiner:
        return 0
    if borders[0] == 0:
        fact = story.facts[0]
        return haystack.opening_extra(fact, len(haystack.fact_tokens(fact).ids))
    before = haystack.pool.tokens_before
    sentence = haystack.pool.corpus.sentence(int(haystack.pool.kept[first_kept]))
    return haystack.opening_extra(sentence, int(before[first_kept + 1] - before[first_kept]))


def _facts(story: Story, haystack: AssemblyContext) -> Facts:
    return Facts(
        tokens=[len(haystack.fact_tokens(fact).ids) for fact in story.facts],
        supporting=story.supporting or tuple(range(len(story.facts))),
        opens=story.task == "memorize",
    )
