"""Tokenizers, and the proof that they compose at sentence borders.

A sample is assembled from sentences that were tokenized once. That is exact only where

    encode(a + " " + b) == encode(a) + continued(b)

for any two sentences, `continued` being the encoding of a sentence that follows another. What
`continued` is depends on the tokenizer (a byte-level BPE wants the space in front, a metaspace one adds
it by itself), so it is found out by trial. That the equation holds for *every* pair is then shown from
the tokenizer's own definition (`babilong_gen.composition`). Where it cannot be shown, trials are all there
is: here, again when a corpus is built, and on every finished sample before it is written.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from babilong_gen.composition.added import reserved_ids
from babilong_gen.composition.proof import proved_joiners
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.foreign_files import refuse_pointer
from babilong_gen.gpt2_files import MERGES, VOCABULARY, read_gpt2_files
from babilong_gen.shipped_tokenizers import tokenizer_path
from babilong_gen.token_span import shifting_character

BUILTIN = "babilong"

# How much of a sentence an error shows.
_SHOWN = 80

TRIAL_SENTENCES = (
    "Mary went to the kitchen.",
    "the hallway was empty, and so were they",
    '"Stop!" he cried.',
    "'Tis late, isn't it?",
    "1984 was a year of 365 days.",
    "It cost $3.50 (or so)",
    "(Nobody saw it.)",
    "\u201cCome in,\u201d she said\u2026",
    "\u2014and then nothing.",
    "\u00c9mile's caf\u00e9 na\u00efve \u00dcber.",
    "\u4f60\u597d\u3002",
    "... well?",
    "I",
    "x_1 = y + 2;",
    "* * *",
    "\U0001f600 smiled",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTokenizer:
    """A tokenizer, with what was found out about its sentence borders.

    Attributes:
        name: as the user named it.
        key: SHA-256 of its definition; equal tokenizers have equal keys wherever they lie.
        tokenizer: the `tokenizers` object, truncation and padding switched off.
        joiner: what precedes a sentence that follows another when it is encoded alone (`""` or `" "`).
        proved: whether composition at sentence borders follows from the tokenizer's definition.
        control: matches text that it would read as control tokens, or None where there is none.
        reserved: ids that no sentence should have: of control tokens, and of added tokens that are markup.
    """

    name: str
    key: str
    tokenizer: Tokenizer
    joiner: str
    proved: bool
    control: re.Pattern[str] | None
    reserved: frozenset[int]

    def opening(self, sentence: str) -> list[int]:
        """Return the token ids of a sentence that opens a text."""
        return _ids(self.tokenizer, [sentence], self.name)[0]

    def continued(self, sentence: str) -> list[int]:
        """Return the token ids of a sentence that follows another one and a space."""
        return self.all_continued([sentence])[0]

    def all_continued(self, sentences: list[str]) -> list[list[int]]:
        """Return the token ids of many sentences, each on its own, that follow another and a space."""
        return _ids(self.tokenizer, [self.joiner + sentence for sentence in sentences], self.name)

    def space_tokens(self, sentence: str) -> int:
        """Return how many of `continued(sentence)`'s first tokens hold the space and nothing else."""
        encoding = self.tokenizer.encode(f"a {sentence}", add_special_tokens=False)
        first = encoding.char_to_token(2)
        before = len(self.tokenizer.encode("a", add_special_tokens=False).ids)
        return 0 if first is None else max(0, first - before)

    def check_readable(self, text: str, ids: list[int], space: int = 0) -> None:
        """Refuse a text that a model fed by this tokenizer could not read.

        Args:
            ids: its tokens; of them the first `space` hold nothing but the space in front.

        Raises:
            SourceError: a part of it is taken for a control token, or it has no token.
        """
        if not self.reserved.isdisjoint(ids):
            raise SourceError(
                f"tokenizer {self.name} reads a control token in {text!r}: "
                "remove that token from its added tokens"
            )
        if len(ids) <= space:
            raise SourceError(
                f"tokenizer {self.name} has no token for any part of {text!r}: "
                "a model that it feeds could not read it; use another tokenizer"
            )

    def composes(self, sentences: list[str]) -> bool:
        """Return whether the sentences, tokenized as one text, give the tokens of the sentences."""
        whole = self.opening(" ".join(sentences))
        parts = self.opening(sentences[0]) + [t for s in sentences[1:] for t in self.continued(s)]
        return whole == parts

    def keeps_apart(self, pairs: list[tuple[str, str]]) -> list[bool]:
        """Return for each two sentences whether they compose."""
        joined = _ids(self.tokenizer, [f"{first} {second}" for first, second in pairs], self.name)
        firsts = _ids(self.tokenizer, [first for first, _ in pairs], self.name)
        seconds = self.all_continued([second for _, second in pairs])
        return [whole == a + b for whole, a, b in zip(joined, firsts, seconds, strict=True)]


def load_tokenizer(name: str) -> TextTokenizer:
    """Load a tokenizer: `babilong` (built in), a folder or `tokenizer.json`, a Hub name, or the name of a
    checkpoint that ships.

    Raises:
        SourceError: there is no such tokenizer, its file is broken, it does not compose at sentence
            borders, or the places of its tokens cannot be told.
    """
    tokenizer, origin = _read(name)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    definition: dict[str, Any] = json.loads(tokenizer.to_str())
    _check_model(definition["model"], origin)
    normalizer = tokenizer.normalizer
    proved = proved_joiners(definition, normalizer.normalize_str if normalizer else str)
    joiner = _find_joiner(tokenizer, origin, proved)
    if shifting := shifting_character(tokenizer):
        raise SourceError(
            f"tokenizer {origin}: behind a character that it has no token for ({shifting!r}, say) the places "
            "of its tokens are wrong, so a fact's cannot be told: give its model an unk_token, or let its "
            "pre_tokenizer cut at spaces"
        )
    return TextTokenizer(
        name=name,
        key=_key(definition),
        tokenizer=tokenizer,
        joiner=joiner,
        proved=joiner in proved,
        control=_control_pattern(definition),
        reserved=reserved_ids(definition),
    )


def _check_model(model: dict[str, Any], origin: str) -> None:
    if (model.get("dropout") or 0) > 0:
        raise SourceError(
            f"tokenizer {origin}: it uses BPE dropout, so no length is exact: set dropout to null"
        )
    affix = model.get("continuing_subword_prefix") or model.get("end_of_word_suffix")
    if model["type"] == "BPE" and model.get("byte_fallback") and affix:
        # The library takes the affix for text when it spells it in bytes: offsets drift, and run backwards.
        raise SourceError(
            f"tokenizer {origin}: it spells unknown characters in bytes and marks parts of words with "
            f"{affix!r}, so the places of its tokens cannot be told: use one that does not do both"
        )


def read_tokenizer(name: str) -> tuple[Tokenizer, str]:
    """Read a tokenizer and its key, whether or not it composes: `verify` asks nothing more of it.

    Raises:
        SourceError: there is no such tokenizer, or its file is broken.
    """
    tokenizer, _ = _read(name)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer, _key(json.loads(tokenizer.to_str()))


def _key(definition: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()


def does_not_compose(tokenizer: str, first: str, second: str) -> SourceError:
    """Return the refusal of a tokenizer for two sentences that it does not keep apart."""
    return SourceError(
        f"tokenizer {tokenizer} does not compose at sentence borders: {first[-_SHOWN:]!r} and "
        f"{second[:_SHOWN]!r} have other tokens together than apart, so no length would be exact; "
        "use one that cuts at spaces"
    )


def _read(name: str) -> tuple[Tokenizer, str]:
    if name == BUILTIN:
        text = (resources.files("babilong_gen") / "data" / "tokenizer.json").read_text(encoding="utf-8")
        return Tokenizer.from_str(text), name
    path = tokenizer_path(name)
    if path.is_dir() and not (path / "tokenizer.json").is_file():
        return _read_old_files(path), str(path)
    if path.is_dir():
        path /= "tokenizer.json"
    elif path.suffix == ".gguf" and path.is_file():
        raise SourceError(
            f"tokenizer {name!r} is a GGUF file, which only names how its model cuts text: give the "
            "tokenizer.json of the model that it was made from; or, for the tokens that hf:FILE.gguf reads, "
            f"what AutoTokenizer.from_pretrained({str(path.parent)!r}, gguf_file={path.name!r})"
            ".save_pretrained(FOLDER) writes"
        )
    elif not path.is_file():
        path = _download(name)
    refuse_pointer(path)
    try:
        return Tokenizer.from_file(str(path)), str(path)
    except Exception as broken:  # the Rust side raises bare Exception
        raise SourceError(
            f"tokenizer file {path} cannot be read ({broken}): expected a tokenizer.json"
        ) from broken


def _read_old_files(folder: Path) -> Tokenizer:
    for name in (VOCABULARY, MERGES):
        refuse_pointer(folder / name)
    try:
        found = read_gpt2_files(folder)
    except Exception as broken:
        raise SourceError(
            f"tokenizer folder {folder}: {VOCABULARY} or {MERGES} is broken ({broken})"
        ) from broken
    if found is None:
        raise SourceError(
            f"tokenizer folder {str(folder)!r} has no tokenizer.json, nor GPT-2's {VOCABULARY} and {MERGES}: "
            "save it with AutoTokenizer.from_pretrained(...).save_pretrained(...)"
        )
    return found


def _download(name: str) -> Path:
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or name.endswith(".json"):
        raise UsageError(
            f"no tokenizer at {name!r}: expected {BUILTIN}, a folder or file tokenizer.json, a checkpoint "
            "that ships, or a Hub name"
        )
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HFValidationError

    from babilong_gen.hub_errors import HUB_ERRORS, request_fault

    try:
        return Path(hf_hub_download(name, "tokenizer.json"))
    except HFValidationError as invalid:
        raise UsageError(
            f"unknown tokenizer {name!r}: expected {BUILTIN}, a folder, a file, a checkpoint that ships, "
            "or a Hub name"
        ) from invalid
    except HUB_ERRORS as missing:
        why = request_fault() or type(missing).__name__
        raise SourceError(
            f"tokenizer {name!r} is no local path and cannot be had from the Hub ({why}): "
            f"give the folder of its tokenizer.json, or use the built-in {BUILTIN!r}"
        ) from None


def _find_joiner(tokenizer: Tokenizer, origin: str, proved: frozenset[str]) -> str:
    """Find the joiner under which the trial holds, one with a proof before one without."""
    pairs = list(itertools.product(TRIAL_SENTENCES, repeat=2))
    whole = _ids(tokenizer, [f"{a} {b}" for a, b in pairs], origin)
    opening = dict(zip(TRIAL_SENTENCES, _ids(tokenizer, list(TRIAL_SENTENCES), origin), strict=True))
    failed = ("", "")
    for joiner in sorted(("", " "), key=lambda joiner: joiner not in proved):
        behind = _ids(tokenizer, [joiner + sentence for sentence in TRIAL_SENTENCES], origin)
        continued = dict(zip(TRIAL_SENTENCES, behind, strict=True))
        wrong = [
            pair
            for pair, got in zip(pairs, whole, strict=True)
            if got != opening[pair[0]] + continued[pair[1]]
        ]
        if not wrong:
            return joiner
        failed = wrong[0]
    raise does_not_compose(origin, *failed)


def _ids(tokenizer: Tokenizer, texts: list[str], origin: str) -> list[list[int]]:
    """Return the token ids of texts, without control tokens.

    Raises:
        SourceError: the tokenizer fails over one of them.
    """
    try:
        encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    except BaseException as failed:
        # The Rust side raises bare Exception; where it panics, a BaseException of its own.
        if not isinstance(failed, Exception) and type(failed).__name__ != "PanicException":
            raise
        why = " ".join(str(failed).split())
        raise SourceError(
            f"tokenizer {origin} cannot encode this text ({why}): fix its tokenizer.json"
        ) from failed
    return [encoding.ids for encoding in encodings]


def _control_pattern(definition: dict[str, Any]) -> re.Pattern[str] | None:
    contents = sorted(
        t["content"] for t in definition["added_tokens"] if t["special"] and t["content"].strip()
    )
    return re.compile("|".join(map(re.escape, contents))) if contents else None
