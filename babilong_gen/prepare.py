"""Before the first sample: tokenizer, stories and noise are found, checked and, once, tokenized.

What comes out, `Prepared`, is small and picklable: a worker process opens the same memory-mapped files
from it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from babilong_gen.assemble.choose import check_available
from babilong_gen.assemble.context import AssemblyContext
from babilong_gen.assemble.word_table import WordTable
from babilong_gen.errors import OutputError, UsageError
from babilong_gen.lengths import Length
from babilong_gen.noise.corpus.build import build_corpus
from babilong_gen.noise.corpus.corpus import NoiseCorpus, corpus_folder, corpus_key, open_corpus
from babilong_gen.noise.corpus.pool import NoisePool, open_pool, prepare_pool
from babilong_gen.noise.sources.source import Credit, NoiseSource, open_noise_source
from babilong_gen.rebuilt_tokenizer import notice_of_rebuilding
from babilong_gen.spec import DatasetSpec
from babilong_gen.tasks import RULER_TASKS, WHOLE_TEXT_TASKS, find_task, have_targets
from babilong_gen.tasks.reskin import ORIGINAL, read_vocabulary, reskin_lexicon
from babilong_gen.tasks.sources import StorySource, open_story_source
from babilong_gen.tasks.task import Lexicon
from babilong_gen.tokenizer import TextTokenizer, load_tokenizer
from babilong_gen.user_paths import user_path

# An endless source is stored as far as the longest sample needs. Samples start in its first documents
# only, so that storing more of it changes no sample. Its documents have some 2,500 words, at least a token
# each; the leak check drops a few sentences.
_ENDLESS_TOKENS_A_DOCUMENT = 2_000

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Haystack:
    """The noise that a task brings along, in place of the dataset's; its source is endless.

    Attributes:
        source: the source's name.
        content_key: of the source.
        corpus_key: where in the cache the tokenized noise lies.
        start_documents: samples begin in the first so many documents.
        credit: who is to be named for it.
    """

    source: str
    content_key: str
    corpus_key: str
    start_documents: int
    credit: Credit


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything a worker needs to make any sample of the dataset.

    Attributes:
        fingerprint: of all that decides one sample.
        draws_key: keys all randomness.
        corpus_key: where in the cache the tokenized noise lies.
        pools: the folder of each task's noise pool.
        start_documents: samples begin in the first so many documents; None for all.
        haystacks: the noise of each task that brings its own along.
    """

    spec: DatasetSpec
    fingerprint: str
    draws_key: str
    cache: Path
    tokenizer: TextTokenizer
    stories: StorySource
    corpus_key: str
    pools: dict[str, Path]
    start_documents: int | None
    haystacks: dict[str, Haystack]

    def corpus(self, task: str | None = None) -> NoiseCorpus:
        """Map the corpus of a task, or of the dataset's own noise; it was checked when it was prepared."""
        own = self.haystacks.get(task) if task else None
        corpus = open_corpus(self.cache, own.corpus_key if own else self.corpus_key, check=False)
        assert corpus is not None
        return corpus

    def pool(self, task: str) -> NoisePool:
        """Map the pool of a task."""
        own = self.haystacks.get(task)
        starts = own.start_documents if own else self.start_documents
        return open_pool(self.corpus(task), self.pools[task], start_documents=starts)

    def context(self, task: str) -> AssemblyContext:
        """Return what all samples of a task share."""
        spec = self.spec
        return AssemblyContext(
            draws_key=self.draws_key,
            tokenizer=self.tokenizer,
            pool=self.pool(task),
            placement=spec.parsed_placement,
            segment_size=spec.segment_size,
            reserve=spec.reserve,
            paired=spec.paired,
            reuse=spec.reuse,
            store_tokens=spec.store_tokens,
            with_targets=have_targets(spec.tasks),
            words=WordTable(self.tokenizer),
        )

    def ladder(self, length: Length) -> list[Length]:
        """Return the lengths that a story of this length must fit: all of them where they are paired."""
        return [at for at in self.spec.parsed_lengths if not at.facts_only] if self.spec.paired else [length]


def default_cache() -> Path:
    """Return `$BABILONG_CACHE`, else `babilong` in the user's cache folder."""
    chosen = os.environ.get("BABILONG_CACHE")
    if chosen:
        return user_path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "babilong"


def prepare(
    spec: DatasetSpec, *, cache: Path, report: Callable[[int], None], notify: Notify
) -> tuple[Prepared, NoiseSource]:
    """Open all sources of a spec; tokenize the noise if no run before did.

    Args:
        report: called with characters of noise as they are tokenized.
        notify: called with one line a user should see.

    Raises:
        BabilongError: a source is unknown, missing or broken, or cannot give what is asked for.
    """
    _check_segments(spec)
    tokenizer = load_tokenizer(spec.tokenizer)
    if line := notice_of_rebuilding(spec.tokenizer, tokenizer.tokenizer):
        notify(line)
    stories = open_story_source(
        spec.stories,
        spec.story_shape,
        fact_density=spec.fact_density,
        vocabulary=spec.vocabulary,
        split=spec.split,
        task_options=spec.task_options or (),
    )
    check_available(stories, spec.tasks, spec.samples)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        source = open_noise_source(spec.noise, cache=cache)
        noise_key = corpus_key(source.content_key, tokenizer)
        documents = _own_documents(spec, source)
        stored_key = (
            corpus_key(f"{source.content_key}:{documents}", tokenizer) if source.endless else noise_key
        )
        corpus = _find_or_build(
            source, documents, tokenizer, cache=cache, key=stored_key, report=report, notify=notify
        )
        pools, haystacks = {}, {}
        for task in spec.tasks:
            own = find_task(task, spec.task_options or ()).haystack
            if own is None:
                # Where there is no noise around, none is held out and none leaks.
                is_alone = task in WHOLE_TEXT_TASKS
                part = "all" if source.all_alike or is_alone else spec.split
                words = leak_words(task, spec.vocabulary)
                check = "off" if is_alone else spec.leak_check
                pools[task] = prepare_pool(corpus, *words, check, part)
            else:
                haystacks[task], pools[task] = _own_haystack(
                    task, own, tokenizer, spec, cache=cache, report=report, notify=notify
                )
    except OSError as broken:
        raise OutputError(
            f"cache folder {cache} cannot be used ({broken.strerror or broken}): "
            "make room or write access there, or set BABILONG_CACHE to another folder"
        ) from broken
    prepared = Prepared(
        spec=spec,
        fingerprint=spec.fingerprint(stories_key=stories.content_key, noise_key=noise_key),
        draws_key=spec.draws_key(stories_key=stories.content_key, noise_key=noise_key),
        cache=cache,
        tokenizer=tokenizer,
        stories=stories,
        corpus_key=stored_key,
        pools=pools,
        start_documents=source.start_documents if source.endless else None,
        haystacks=haystacks,
    )
    return prepared, source


def check_reuse(prepared: Prepared, notify: Notify) -> None:
    """Warn of noise that must be used more than once in a sample; refuse it under `--no-reuse`.

    Raises:
        UsageError: the noise is too short and reuse was ruled out.
    """
    spec = prepared.spec
    longest = _longest_tokens(spec)
    for task in spec.tasks:
        if task in WHOLE_TEXT_TASKS:
            continue
        available = prepared.pool(task).tokens
        if longest <= available or task in prepared.haystacks or prepared.start_documents is not None:
            continue
        lack = f"the noise has {available:,} tokens for {task}, the longest samples need up to {longest:,}"
        if not spec.reuse:
            raise UsageError(f"{lack}, and --no-reuse was given: use more noise or shorter lengths")
        notify(f"{lack}: it is used up to {longest / available:.1f} times in one sample")
        return


def leak_words(task: str, vocabulary: str) -> tuple[Lexicon, tuple[str, ...]]:
    """Return a task's lexicon and labels in the dataset's words."""
    words = read_vocabulary(ORIGINAL.name if task in RULER_TASKS else vocabulary)
    found = find_task(task)
    return reskin_lexicon(found.lexicon, words), tuple(map(words.reword, found.choices))


def _longest_tokens(spec: DatasetSpec) -> int:
    return max(
        length.input_tokens(question_tokens=0, segment_size=spec.segment_size, reserve=0)
        for length in spec.parsed_lengths
    )


def _own_documents(spec: DatasetSpec, source: NoiseSource) -> int:
    """Return how many documents of the dataset's own, endless noise to store: one where no task reads it."""
    tasks = (find_task(task, spec.task_options or ()) for task in spec.tasks)
    is_read = any(task.haystack is None and task.name not in WHOLE_TEXT_TASKS for task in tasks)
    return _documents(spec, source) if is_read else 1


def _documents(spec: DatasetSpec, source: NoiseSource) -> int:
    """Return how many documents of an endless source to store, in steps so that most runs share a corpus."""
    step = source.start_documents
    beyond = -(-_longest_tokens(spec) // (_ENDLESS_TOKENS_A_DOCUMENT * step)) + 1
    # Of what is stored only a tenth is held out; what remains for training is nearly all of it.
    share = {"all": 1, "train": 2, "test": 10}[spec.split]
    return beyond * step * share


def _check_segments(spec: DatasetSpec) -> None:
    placement = spec.parsed_placement
    if placement.kind != "segment":
        return
    for length in spec.parsed_lengths:
        tokens = length.input_tokens(question_tokens=1, segment_size=spec.segment_size, reserve=spec.reserve)
        if not length.facts_only and placement.low * spec.segment_size >= tokens:
            segments = -(-tokens // spec.segment_size)
            raise UsageError(
                f"placement {placement.text}: {length.name} has {segments} segments of {spec.segment_size} "
                f"tokens, 0 to {segments - 1}"
            )


def _own_haystack(
    task: str,
    name: str,
    tokenizer: TextTokenizer,
    spec: DatasetSpec,
    *,
    cache: Path,
    report: Callable[[int], None],
    notify: Notify,
) -> tuple[Haystack, Path]:
    """Tokenize the noise that a task brings along; it and the folder of its pool.

    The task wants it as it is, needles beside needles too: no sentence of it leaks.
    """
    source = open_noise_source(name, cache=cache)
    documents = _documents(spec, source)
    key = corpus_key(f"{source.content_key}:{documents}", tokenizer)
    corpus = _find_or_build(source, documents, tokenizer, cache=cache, key=key, report=report, notify=notify)
    pool = prepare_pool(
        corpus, *leak_words(task, spec.vocabulary), "off", "all" if source.all_alike else spec.split
    )
    haystack = Haystack(
        source=source.name,
        content_key=source.content_key,
        corpus_key=key,
        start_documents=source.start_documents,
        credit=source.credit,
    )
    return haystack, pool


def _find_or_build(
    source: NoiseSource,
    documents: int,
    tokenizer: TextTokenizer,
    *,
    cache: Path,
    key: str,
    report: Callable[[int], None],
    notify: Notify,
) -> NoiseCorpus:
    corpus = open_corpus(cache, key)
    if corpus is not None:
        return corpus
    if corpus_folder(cache, key).exists():
        notify(f"the tokenized noise in {corpus_folder(cache, key)} is damaged: it is built again")
    stored = islice(source.documents(), documents) if source.endless else source.documents()
    build_corpus(stored, tokenizer, cache=cache, key=key, report=report)
    built = open_corpus(cache, key)
    if built is None:
        raise OutputError(f"the noise just stored in {cache} cannot be read back: check the disk")
    return built
