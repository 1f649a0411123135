"""A recipe's own vocabulary: counted on its training noise, with every word of its stories whole."""

from __future__ import annotations

import string
import unicodedata
from itertools import islice
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from babilong_eval.training.pairs import read_pairs
from babilong_gen.noise.corpus.sentences import normalise, split_sentences
from babilong_gen.noise.sources.source import open_noise_source
from babilong_gen.rng import Rng
from babilong_gen.split import belongs
from babilong_gen.tasks.sources import Simulated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from babilong_eval.training.recipe import Recipe

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_STORIES_READ = 2_000
_DOCUMENTS_READ = 400
_PAIRS_READ = 100_000


def train_tokenizer(recipe: Recipe, vocabulary: int, cache: Path) -> Tokenizer:
    """Return a cased WordPiece tokenizer of the training noise; every word of the stories is one piece."""
    texts = list(_texts(recipe, cache))
    words = sorted(
        {word for story in _stories(recipe) for word in story.replace(".", " ").replace("?", " ").split()}
    )
    tokenizer = _wordpiece({})
    tokenizer.train_from_iterator(texts, _trainer(texts, vocabulary - len(words)))
    pieces = tokenizer.get_vocab()
    for word in words:
        pieces.setdefault(word, len(pieces))
    # A new one: in the trained one the letters that the trainer was given would be special tokens.
    tokenizer = _wordpiece(pieces)
    tokenizer.add_special_tokens(list(_SPECIAL))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, pieces[token]) for token in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def _wordpiece(pieces: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(pieces, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def _trainer(texts: list[str], vocabulary: int) -> trainers.WordPieceTrainer:
    """Return a trainer that always numbers the same pieces in the same way.

    Letters inside words are declared as special tokens: the trainer would number them by a hash.
    """
    letters = sorted(
        letter
        for letter in set(string.ascii_letters + string.digits).union(*texts)
        if not letter.isspace() and not unicodedata.category(letter).startswith("P")
    )
    return trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        special_tokens=[*_SPECIAL, *(f"##{letter}" for letter in letters)],
        initial_alphabet=sorted({*letters, *string.punctuation}),
        show_progress=False,
    )


def _stories(recipe: Recipe) -> Iterator[str]:
    for task in recipe.tasks:
        for number in range(_STORIES_READ):
            story = Simulated().story(task, Rng("vocabulary", task, number))
            yield " ".join((*story.facts, story.question, *story.choices))


def _texts(recipe: Recipe, cache: Path) -> Iterator[str]:
    """Yield documents as a corpus holds them, so that the same ones are held out; or the training pairs."""
    if recipe.data.pairs:
        for pair in islice(read_pairs(recipe.data.pairs).training, _PAIRS_READ):
            yield f"{pair.prompt} {pair.target}"
        return
    for noise in recipe.data.noise:
        for document in islice(open_noise_source(noise, cache=cache).documents(), _DOCUMENTS_READ):
            text = " ".join(split_sentences(normalise(document.text)))
            if belongs(text.encode(), "train"):
                yield text
