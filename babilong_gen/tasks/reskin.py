"""The same stories in other words, so that a model that has learnt bAbI by heart gains nothing.

Every name, place, object, animal, colour and shape of bAbI gets another word out of lists of our own, the
same all over a dataset, by the seed of `reskin:SEED` alone. Verbs, relations and feelings stay, and so do
the rules of English and common sense that the tasks need:

- she stays a woman and he a man, for qa11 and qa13 say "she" and "he";
- animals begin with a consonant ("is a swan") and have plurals in -s;
- places and objects that a feeling leads to (qa20) give way to others that it would lead to: the hungry go
  where there is food, and take food;
- what is large, small or tiny in qa18 stays so.

No replacement is a word of bAbI, or of a fact put in between (`extra_words`), or a replacement for anything
else, so that the words can be put back: `restore` undoes `reword`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng
from babilong_gen.tasks.simulators.deduction import PLURALS
from babilong_gen.tasks.story import Story
from babilong_gen.tasks.task import Lexicon

# What may replace what: words of bAbI, and a longer list of words of the same kind. No new word is part of
# another, nor of a word of bAbI: the official scoring rule finds labels as substrings.
_NAMES = (
    (
        "Emily, Gertrude, Jessica, Julie, Lily, Mary, Sandra, Winona",
        "Abigail Agatha Beatrice Bridget Camille Cecilia Claudia Cordelia Deborah Doris Dorothy Edith "
        "Eleanor Esther Fiona Florence Gwendolyn Harriet Helen Henrietta Ingrid Isabel Judith Katherine "
        "Laura Leah Louisa Madeleine Margaret Matilda Miriam Nadia Naomi Nora Olivia Priscilla Rachel "
        "Rebecca Rosalind Ruth Sophia Susan Sylvia Tabitha Ursula Veronica Vivian Yvonne Zelda",
    ),
    (
        "Antoine, Bernhard, Bill, Brian, Daniel, Fred, Greg, Jason, Jeff, John, Julius, Sumit, Yann",
        "Adrian Albert Ambrose Anthony Arthur Benedict Bertram Caleb Cedric Clarence Clement Conrad Cyril "
        "Desmond Dominic Douglas Duncan Edgar Edmund Edwin Eric Ernest Felix Gabriel Geoffrey Gilbert "
        "Gordon Harold Hector Henry Howard Hubert Hugo Isaac Jerome Kenneth Lambert Laurence Leonard "
        "Malcolm Martin Maurice Nathan Nigel Oliver Oscar Patrick Percival Philip Quentin Ralph Roland "
        "Samuel Simon Stanley Theodore Thomas Timothy Vincent Walter",
    ),
)
_ANIMALS = (
    "cat, mouse, sheep, wolf, frog, lion, rhino, swan",
    "badger beaver buffalo camel cheetah chicken coyote crab crocodile dolphin donkey dragon duck "
    "falcon ferret giraffe goat gorilla hamster hedgehog hippo hornet horse hyena jackal jaguar "
    "kangaroo koala leopard llama lizard lobster monkey parrot peacock pelican penguin pigeon python "
    "rabbit raccoon raven robin rooster seal snake sparrow spider squirrel tiger toad turkey turtle "
    "vulture weasel zebra",
)
_WORDS = (
    (
        "bathroom, hallway, office, cinema, park, school",
        "airport aquarium arena casino castle cathedral cemetery church clinic embassy factory farm forest "
        "gymnasium harbour hospital hotel laundry library lighthouse mall market monastery mosque museum "
        "observatory palace pharmacy pier prison quarry stadium station studio temple theatre warehouse zoo",
    ),
    (
        "kitchen",
        "bakery bistro brasserie cafeteria canteen diner larder pantry pizzeria restaurant tearoom",
    ),
    ("bedroom", "bunkhouse chalet dormitory hostel inn lodge motel nursery sanatorium"),
    ("garden", "backyard beach courtyard lawn meadow orchard pasture playground playroom sandpit"),
    (
        "apple",
        "bagel banana biscuit burger cabbage carrot cheese cookie croissant doughnut lasagna mango muffin "
        "noodles omelette pancake peach pear pizza pretzel pudding salad sandwich sausage soup stew waffle",
    ),
    ("milk", "cider cocoa coffee lemonade juice smoothie soda squash tonic water"),
    (
        "football",
        "baseball basketball boomerang frisbee kite puzzle racket skateboard tambourine volleyball yoyo",
    ),
    (
        "pajamas",
        "bathrobe blanket duvet eiderdown eyeshade mattress nightcap nightgown nightshirt pillow quilt "
        "slippers",
    ),
    (
        "box, chest, container, suitcase",
        "barrel bathtub bookcase bureau cabinet coffer crate cupboard dresser locker pram refrigerator "
        "sideboard trolley trunk wagon wardrobe wheelbarrow",
    ),
    ("box of chocolates", "camera helmet lunchbox notebook shoe teapot toaster wallet"),
    ("chocolate", "acorn bead button cherry coin grape marble pebble raisin thimble"),
    (
        "gray, green, white, yellow, red, blue, pink",
        "beige black bronze brown burgundy charcoal coral cream crimson cyan gold indigo ivory khaki "
        "lavender lilac lime magenta maroon mauve ochre orange purple russet scarlet silver teal turquoise "
        "violet",
    ),
    (
        "rectangle, sphere, square, triangle",
        "cone crescent cross cube cylinder diamond ellipse helix heart hexagon octagon oval pentagon prism "
        "pyramid rhombus ring semicircle spiral star trapezium",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The words that stories are told in. Make it where it is used: it cannot be sent to another process.

    Attributes:
        name: `original` or `reskin:SEED`.
        reword: puts a text of bAbI's words (facts, questions, answers) into these.
        restore: undoes `reword`.
    """

    name: str
    reword: Callable[[str], str]
    restore: Callable[[str], str]


ORIGINAL = Vocabulary(name="original", reword=str, restore=str)

_SEEDED = re.compile(r"reskin:(\d{1,18})")
_REMEMBERED = 1 << 16


@lru_cache(maxsize=16)
def read_vocabulary(name: str) -> Vocabulary:
    """Return the vocabulary called `original` or `reskin:SEED`; equal seeds give equal words everywhere.

    Raises:
        UsageError: there is no vocabulary of this name.
    """
    if name == ORIGINAL.name:
        return ORIGINAL
    seeded = _SEEDED.fullmatch(name)
    if not seeded:
        raise UsageError(f"unknown vocabulary {name!r}: expected original, or reskin:SEED such as reskin:7")
    words = _draw_words(Rng("reskin", int(seeded[1])))
    back = {new: old for old, new in words.items()}
    return Vocabulary(name=f"reskin:{int(seeded[1])}", reword=_replacing(words), restore=_replacing(back))


def reskin(story: Story, vocabulary: Vocabulary) -> Story:
    """Tell a story in the words of `vocabulary`; facts, question, answer and choices follow."""
    reword = vocabulary.reword
    return replace(
        story,
        facts=tuple(map(reword, story.facts)),
        question=reword(story.question),
        answer=reword(story.answer),
        choices=tuple(map(reword, story.choices)),
    )


def reskin_lexicon(lexicon: Lexicon, vocabulary: Vocabulary) -> Lexicon:
    """Return what the leak check of a reskinned dataset looks for."""

    def reworded(words: frozenset[str]) -> frozenset[str]:
        # "sheep" is one and many; only after "of" it stands for many.
        many = {vocabulary.reword(f"of {word}").removeprefix("of ") for word in words}
        return frozenset(map(vocabulary.reword, words)) | many

    return Lexicon(entities=reworded(lexicon.entities), predicates=reworded(lexicon.predicates))


def _draw_words(rng: Rng) -> dict[str, str]:
    """Draw what stands for each word of bAbI, in each form in which it occurs."""
    words: dict[str, str] = {}
    for kind in _NAMES:
        for old, new in _drawn(rng, kind):
            words[old] = new
            words[old.lower()] = new.lower()
    for old, new in _drawn(rng, _ANIMALS):
        words[old] = new
        if old in PLURALS:
            words |= _plurals(old, new)
    for kind in _WORDS:
        words |= _drawn(rng, kind)
    return words


def _plurals(kind: str, new: str) -> dict[str, str]:
    # They stand in two places only, "Sheep are afraid of wolves.", else "sheep" is one.
    plural = PLURALS[kind]
    forms = {plural.capitalize(): f"{new.capitalize()}s", f"of {plural}": f"of {new}s"}
    return forms if plural == kind else {**forms, plural: f"{new}s"}


def _drawn(rng: Rng, kind: tuple[str, str]) -> list[tuple[str, str]]:
    """Draw a new word for each old word of `kind`, none twice."""
    old, new = (words.split(separator) for words, separator in zip(kind, (", ", " "), strict=True))
    return list(zip(old, rng.sample(new, len(old)), strict=True))


def _replacing(words: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that replaces whole words, the longest first, and remembers its last texts."""
    pattern = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})\b")

    @lru_cache(maxsize=_REMEMBERED)
    def reword(text: str) -> str:
        return pattern.sub(lambda word: words[word[0]], text)

    return reword
