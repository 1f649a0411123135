"""Small tokenizers of every kind, with settings drawn by hypothesis, trained on text drawn by hypothesis."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

# Characters that normalizers and pre-tokenizers treat specially, among them marks of spaces and of affixes.
_ODD = [
    *"\u2581\u0120\ufffd\u200d\ufe0f\u0301\u00a8\u00ad\u2026\u2122\u00bd\u201d\u2019\u4e00\u3002\uff01\u0964\u061f"
]
_ODD += [
    "\U0001f600",
    "\U0001f3fb",
    "\U0001f1fa",
    "\uff9e",
    "\u0d4e",
    "\u1100",
    "\u1161",
    "\u00df",
    "\u03a3",
    "\u0130",
]
_ODD += ["##", "</w>", "``", "''", "...", "<x>", "[S]", "New", "York", "'s", "ing"]

WORDS = st.one_of(
    st.sampled_from(
        ["Mary", "went", "to", "the", "kitchen", "a", "I", "ab", "aab", "abab", "1", "1984", "3.5"]
    ),
    st.lists(st.sampled_from([*"abc", *_ODD]), min_size=1, max_size=4).map("".join),
    st.text(st.characters(exclude_categories=["Z", "Cc", "Cs"]), min_size=1, max_size=3),
)
SENTENCES = st.builds(
    lambda words, opening, closing: opening + " ".join(words) + closing,
    st.lists(WORDS, min_size=1, max_size=5),
    st.sampled_from(["", "", "\u201c", '"', "(", "\u00bf", "\u2581", "'", "\u2026"]),
    st.sampled_from(
        [".", ".", "!", "?", "...", "\u201d", "\u2026", "\u3002", ".)", "\U0001f600", " .", "\u2581", "'"]
    ),
)
TEXTS = st.lists(SENTENCES, min_size=6, max_size=30).map(" ".join).map(lambda text: " ".join(text.split()))

_NORMALIZERS = st.one_of(
    st.sampled_from(["NFC", "NFD", "NFKC", "NFKD", "Nmt", "Lowercase", "StripAccents"]).map(
        lambda name: getattr(normalizers, name)()
    ),
    st.sampled_from([" ", "\u2581"]).map(normalizers.Prepend),
    st.builds(normalizers.Strip, st.booleans(), st.booleans()),
    st.builds(normalizers.BertNormalizer, st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    st.sampled_from(
        [
            (" ", "\u2581"),
            (Regex(r"\s+"), " "),
            (Regex(" {2,}"), " "),
            (Regex(" {2,}"), "\u2581"),
            ("``", '"'),
            ("ing", ""),
            (".", " ."),
            ("\u201d", '"'),
            ("a", "\u00a8"),
            ("\u2581", " "),
            ("York", "New York"),
            (Regex("b$"), "c"),
            (Regex("^a"), "b"),
            (Regex("a(?= )"), "b"),
            (Regex("[ab]+"), "b"),
            (". ", "."),
        ]
    ).map(lambda pair: normalizers.Replace(*pair)),
    st.just(normalizers.ByteLevel()),
)
_PATTERNS = [
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    r"\p{N}{1,3}",
    r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
    r"\s?[A-Za-z]+",
    r"\s+$",
    r"^a|b$",
    r"\S+\s?",
    r"\S+|\s+",
    r"(?<=a) ",
    r"a(?!\s)",
    r"a(?!\S)|\s+",
    r"[ab]+ ?",
    r".{3}",
    r"\w+|[^\w\s]+",
]
_BEHAVIOURS = st.sampled_from(
    ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
)
_PRE_TOKENIZERS = st.one_of(
    st.sampled_from(["Whitespace", "WhitespaceSplit", "BertPreTokenizer", "UnicodeScripts"]).map(
        lambda name: getattr(pre_tokenizers, name)()
    ),
    st.builds(pre_tokenizers.ByteLevel, add_prefix_space=st.booleans(), use_regex=st.booleans()),
    st.builds(
        pre_tokenizers.Metaspace,
        prepend_scheme=st.sampled_from(["first", "always", "never"]),
        split=st.booleans(),
    ),
    st.builds(pre_tokenizers.Digits, st.booleans()),
    st.builds(pre_tokenizers.Punctuation, _BEHAVIOURS),
    st.sampled_from([" ", ".", "a", "\u2581"]).map(pre_tokenizers.CharDelimiterSplit),
    st.builds(
        pre_tokenizers.Split,
        st.sampled_from([*map(Regex, _PATTERNS), " ", ". ", "a", "\u2581", "\u0120"]),
        _BEHAVIOURS,
        st.booleans(),
    ),
)
_ADDED = st.lists(
    st.builds(
        AddedToken,
        st.sampled_from(
            [
                "<x>",
                "[S]",
                "New York",
                " the",
                "the ",
                "Mary",
                "kitchen.",
                ".",
                "\u2581\u2581",
                "  ",
                "a",
                "\u201d",
                " <y>",
                "##",
            ]
        ),
        single_word=st.booleans(),
        lstrip=st.booleans(),
        rstrip=st.booleans(),
        normalized=st.booleans(),
        special=st.booleans(),
    ),
    max_size=2,
)


def _model(draw: st.DrawFn) -> tuple[Any, Any]:
    size = draw(st.integers(100, 600))
    shared: dict[str, Any] = {"vocab_size": size, "special_tokens": ["<unk>"], "show_progress": False}
    alphabet = draw(st.sampled_from([[], pre_tokenizers.ByteLevel.alphabet(), ["\u2581", *"abc. "]]))
    match draw(st.sampled_from(["BPE", "BPE", "BPE", "WordPiece", "Unigram", "WordLevel"])):
        case "BPE":
            affixes: dict[str, Any] = draw(
                st.sampled_from([{}, {}, {"continuing_subword_prefix": "##"}, {"end_of_word_suffix": "</w>"}])
            )
            trainer = trainers.BpeTrainer(**shared, initial_alphabet=alphabet, min_frequency=1, **affixes)
            unknown = draw(st.sampled_from([None, "<unk>"]))
            return models.BPE(unk_token=unknown, fuse_unk=draw(st.booleans()), **affixes), trainer
        case "WordPiece":
            limit = draw(st.sampled_from([3, 100]))
            model = models.WordPiece(unk_token="<unk>", max_input_chars_per_word=limit)
            return model, trainers.WordPieceTrainer(**shared, initial_alphabet=alphabet)
        case "Unigram":
            return models.Unigram(), trainers.UnigramTrainer(**shared, unk_token="<unk>")
        case _:
            return models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer(**shared)


@st.composite
def tokenizers_and_texts(draw: st.DrawFn) -> tuple[str, str]:
    """A `tokenizer.json` and a text, which it may not have been trained on."""
    model, trainer = _model(draw)
    tokenizer = Tokenizer(model)
    chosen = draw(st.just([]) | st.lists(_NORMALIZERS, max_size=2))
    if chosen:
        tokenizer.normalizer = normalizers.Sequence(chosen)
    cutters = draw(st.lists(_PRE_TOKENIZERS, min_size=1, max_size=1) | st.lists(_PRE_TOKENIZERS, max_size=3))
    if cutters:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cutters)
    text = draw(TEXTS)
    training = [text, draw(TEXTS), "Mary went to the kitchen. Where is Mary? John moved to the garden."]
    try:
        tokenizer.train_from_iterator(training, trainer)
    except Exception:  # fewer pieces asked for than there are characters
        reject()
    tokenizer.add_tokens(draw(st.just([]) | _ADDED))
    return _changed(draw, json.loads(tokenizer.to_str())), text


def _changed(draw: st.DrawFn, definition: dict[str, Any]) -> str:
    """The definition with what no trainer sets."""
    model = definition["model"]
    if model["type"] == "BPE":
        model["ignore_merges"] = draw(st.booleans())
        model["byte_fallback"] = draw(st.booleans())
        if model["byte_fallback"]:
            taken = max([*model["vocab"].values(), *(token["id"] for token in definition["added_tokens"])])
            for byte in range(256):
                model["vocab"].setdefault(f"<0x{byte:02X}>", taken + 1 + byte)
    if model["type"] == "Unigram":
        model["byte_fallback"] = draw(st.booleans())
    if draw(st.booleans()):
        definition["truncation"] = {
            "direction": "Right",
            "max_length": 5,
            "strategy": "LongestFirst",
            "stride": 0,
        }
    return json.dumps(definition)
