"""Trains the built-in tokenizer (`babilong_gen/data/tokenizer.json`): cased WordPiece on our own prose.

    python tools/train_tokenizer.py                       # what ships
    python tools/train_tokenizer.py --documents 20 --out /tmp/small.json

The text is the procedural noise of a seed of its own, so that the tokenizer never saw what it will count,
with the words of the bAbI tasks often enough to be tokens of their own. Every letter of the Latin
alphabets is a piece, at a word's start and within it, so that real text seldom holds an unknown one.
The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import string
import unicodedata
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from babilong_gen.noise.sources.procedural import procedural_documents

OUT = Path(__file__).parents[1] / "babilong_gen" / "data" / "tokenizer.json"
SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY_SIZE = 8192
DOCUMENTS = 400
SEED = 8192
REPEATS = 500

PEOPLE = """Mary John Sandra Daniel Bill Fred Jeff Julie Lily Bernhard Greg Brian Julius Jason Antoine Sumit
    Yann Jessica Emily Winona Gertrude"""
PLACES = "kitchen office bedroom bathroom hallway garden park school cinema north south east west"
THINGS = """apple football milk cake box chest suitcase container chocolate chocolates pajamas sphere
    rectangle triangle square object objects"""
ANIMALS = "mouse mice sheep wolf wolves cat cats swan lion rhino frog animal"
COLOURS = "white gray green yellow pink red blue color"
STATES = "hungry thirsty tired bored afraid bigger longer fit fits"
DOINGS = """moved went journeyed travelled traveled got grabbed took picked put dropped discarded left gave
    handed passed received carrying go get give is was are were will be has have had do does did"""
OTHERS = """the a an to in of from and or not no yes none nothing one two three four five six seven up down
    there here back this that then after before afterwards following morning afternoon evening yesterday
    either maybe inside above below right than many he she they it you what where who why how answer
    question context fact facts"""

LETTERS = string.ascii_letters + "".join(
    letter for letter in map(chr, range(0xC0, 0x180)) if unicodedata.category(letter).startswith("L")
)
SYMBOLS = "°©®™£€¢¥×÷±¼½¾²³¹ªºµ¬¨´¯¸"
PUNCTUATION = string.punctuation + "“”‘’‚„‹›«»—–‐‑…¡¿§¶·•†‡′″"
INNER = LETTERS + string.digits + SYMBOLS
"""What can stand within a word, as opposed to punctuation, which BERT's pre-tokenizer sets apart."""


def main() -> None:
    """Train, save, and print what came of it."""
    parser = argparse.ArgumentParser(description="Train the built-in tokenizer.")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--documents", type=int, default=DOCUMENTS, help="procedural documents to train on")
    arguments = parser.parse_args()
    tokenizer = train(arguments.documents)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(arguments.out), pretty=False)
    digest = hashlib.sha256(arguments.out.read_bytes()).hexdigest()
    print(f"{arguments.out}: {tokenizer.get_vocab_size()} pieces, sha256 {digest}")


def train(documents: int) -> Tokenizer:
    """A cased WordPiece tokenizer, set up as BERT's is, of `VOCABULARY_SIZE` pieces at most.

    The trainer numbers inner letters in the order in which it meets them, which is that of a hash table;
    naming them among its special tokens fixes their numbers, and with them how ties between merges fall.
    """
    trained = _bert_like(models.WordPiece(unk_token="[UNK]"))
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=SPECIAL_TOKENS + [f"##{letter}" for letter in INNER],
        initial_alphabet=sorted(INNER + PUNCTUATION),
        show_progress=False,
    )
    trained.train_from_iterator(training_text(documents), trainer)
    tokenizer = _bert_like(models.WordPiece(trained.get_vocab(), unk_token="[UNK]"))
    tokenizer.add_special_tokens(SPECIAL_TOKENS)
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def training_text(documents: int) -> Iterator[str]:
    """The words of the tasks, as they are and capitalised, and prose."""
    words = " ".join((PEOPLE, PLACES, THINGS, ANIMALS, COLOURS, STATES, DOINGS, OTHERS)).split()
    lines = [" ".join(words), " ".join(word.capitalize() for word in words), " ".join(string.digits)]
    for _ in range(REPEATS):
        yield from lines
    for document in islice(procedural_documents(SEED), documents):
        yield document.text


def _bert_like(model: models.WordPiece) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


if __name__ == "__main__":
    main()
