"""Rewords free-form prompts like the captions that a model was trained on.

A small model knows its captions' words ("funk, organ and slap bass, no drums"); a polite sentence
around them leads it astray. So words that say nothing of the music are left out, players become
what they play, and what is not wanted becomes a negative prompt. Captions stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache

from riffkit.prompt.languages import tidy, to_english, with_foreign_words
from riffkit.prompt.tempo import QUICKLY, SLOWLY
from riffkit.prompt.traits import ModelTraits
from riffkit.prompt.vocabulary import NONE_UNKNOWN, UnknownWords, unknown_words

_MODES = "major|minor|dorian|phrygian|mixolydian|blues|lydian|ionian|aeolian"
_DRUMS = r"(?:drums?(?: ?(?:kits?|sets?|beats?|loops?))?|percussion|beats?)"
_ARTICLE = r"(?:any|an?|the|one|some|all)"
_WITHOUT = (
    r"(?:without using|without|minus|sans|leav(?:e|es|ing) out|omit(?:s|ting)?|skip(?:s|ping)?|"
    r"except(?: for)?|free of|lacking|not|no)"
)
_ITSELF = r"(?:it|him|her|them)sel(?:f|ves)|(?:its|his|her|their) own"

# Each pattern and what stands for it; in this order.
_MEANINGS = (
    (r"\bw/o\b", "without"),
    (r"(?<!\w)w/", "with "),
    (r"(?<!drum) (?:&|\+) ", " and "),
    (rf"(?<![\w'-])(?:{SLOWLY})(?![\w'-])", "slow"),
    (rf"(?<![\w'-])(?:{QUICKLY})(?![\w'-])", "fast"),
    (r"\b(up|down)[- ]tempo\b", r"\1tempo"),
    (r"\bnot (?:too |so |very |that )?(?:slow|fast|quick)\b", "moderate"),
    # players
    (r"\bdrummers?\b|\bdrum ?sets?\b", "drums"),
    (r"\bpercussionists?\b", "percussion"),
    (r"\bguitarists?\b", "guitar"),
    (r"\bbassists?\b", "bass"),
    (r"\b(?:violinists?|fiddlers?)\b", "violin"),
    (r"\bkeyboardists?\b", "piano"),
    (r"\b(?:singers|choristers)\b", "choir"),
    (r"\btrumpeters?\b", "trumpet"),
    (r"\bfl(?:au|u)tists?\b", "flute"),
    (r"\bharpsichordists?\b", "harpsichord"),
    (r"\b(pian|cell|obo)ists?\b", r"\1o"),
    (r"\b(saxophon|trombon)ists?\b", r"\1e"),
    (r"\b(viol)ists?\b", r"\1a"),
    (r"\b(harp|organ|accordion|clarinet|vibraphon)t?ists?\b", r"\1"),
    (r"(?<=\w) players?\b", ""),
    # only this, and not that
    (rf"\b{_ARTICLE} (?={_DRUMS}\b)", ""),
    (
        rf"\b{_DRUMS} (?:alone|and nothing (?:more|else)|unaccompanied|"
        rf"(?:all )?(?:by|on) (?:{_ITSELF}))"
        rf"|\bnothing (?:else )?(?:but|than|except) {_DRUMS}(?= *(?:[.,;:]|$))",
        "drums only",
    ),
    (r"\bnothing (?:else )?(?:but|than|except)\b", "only"),
    (
        rf"(?:\b(?:but|and|with) )?\b(?!(?:no|without) (?:drums|a drum kit|drum kit)\b){_WITHOUT} "
        rf"(?:{_ARTICLE} )?(?:drums?|drum ?(?:beats?|sets?|kits?))\b",
        ", no drums",
    ),
    # phrases for many or few notes, a mood, a key
    (r"\b(?:with |using )?(?:very )?few(?:er)? notes\b", "sparse"),
    (r"\b(?:leaving |with )?(?:much|a lot of|lots of|plenty of) (?:space|room)\b", "spacious"),
    (r"\b(?:with )?(?:lots of|many|a lot of|plenty of) notes\b", "busy"),
    (r"\bin an? (\w+) mood\b", r"\1"),
    (r"\b(\w+) in mood\b", r"\1"),
    (r"\b(?:the )?(?:key is|key:|tonality(?: is|:)?) (?=[A-G])", "in "),
    (r"\bset in\b", "in"),
)

_VAIN = """
please|kindly|thanks?|thank you|hello|hi|hey
|(?:i|you|we|they|he|she)(?:'d|'ll|'m|'re|'ve)?|me|us|my|your|our
|can|could|would|will|should|shall|may|might|must|let's|let
|(?:want|need|hear|like|make|create|generate|compose|write|produce|play|perform|give|get|do|go)(?:s|ing|ed)?
|made|written|wrote|given|got|gotten|done|composing|writing|making|producing|creating|generating|giving
|is|are|was|were|be|been|being|has|have|had|having|does|did|am
|it|its|it's|this|that|that's|these|those|there|which|who|what|where|when|how
|something|anything|someone|everybody|somebody|thing|things|stuff
|(?:sound|sounds|sounding)(?: (?:like|of))?|under|file|filed|genre|called|named|such as
|as if|as|to|by|from|into|about
|kind of|sort of|type of|style of|in the style of|(?:some|an example) of
|quite|very|really|rather|somewhat|pretty|super|extremely|truly|a bit|a little|maybe|perhaps
|just(?! drums)
|featuring only
|background for(?: an?)?(?: video| film| game| podcast)?|feel(?:s|ing)?
|(?:one|two|three|four|eight|\\d+) bars(?: of)?|or so
|(?:with|to|in) (?:an?|the) (?:vibe|feel|mood|feeling|touch|hint|bit) of
|(?<!with )vibe|soundtrack(?: for)?
""".replace("\n", "")
_USE = (
    r"\bfor (?:an?|my|our|your|the|some) (?:[\w-]+ ){0,2}?(?:films?|movies?|videos?|vlogs?|"
    r"podcasts?|games?|scenes?|ads?|adverts?|commercials?|trailers?|intros?|projects?|streams?|shows?|apps?|"
    r"reels?|clips?|documentary|friends?|cats?|dogs?|kids?|mum|mom|boss|wedding|party)\b"
)
_IN_VAIN = re.compile(rf"{_USE}|(?<![\w'-])(?:{_VAIN})(?![\w'-])", re.I)
_STAYS = rf"(?!{_DRUMS}\b|drums?\b|melody\b|percussion\b)"
_UNWANTED = re.compile(
    rf"(?:\b(?:but|and|with) )?\b{_WITHOUT} (?:{_ARTICLE} )?{_STAYS}"
    r"([\w#' -]+?)(?=\s*(?:[.,;:()]|$|\b(?:and|but|with|in|at)\b))",
    re.I,
)
_LINKS = rf"and|or|but|with|of|in|at|on|the|(?-i:an?)(?! +(?:{_MODES})\b)|for|to"
_DANGLING = re.compile(
    rf"^(?:(?:{_LINKS}|-)\s+)+(?=\S)|(?:\s+(?:{_LINKS}|-))+$|^(?:{_LINKS})$", re.I
)
_LISTED_ARTICLE = re.compile(rf"\b(and|with) (?:an?|the|one) (?!(?:{_MODES})\b)", re.I)
_PARTS = re.compile(r"[;:!?()\[\]\n]+|\.(?=\s|$)")
_FIRST_ARTICLE = re.compile(r"^an? ", re.I)


@dataclass(frozen=True)
class Wording:
    """What a prompt asks for, what it excludes, and the words of it that the model doesn't know."""

    text: str
    unwanted: tuple[str, ...] = ()
    unknown: UnknownWords = NONE_UNKNOWN


def read_wording(prompt: str, traits: ModelTraits) -> Wording:
    """The prompt as a model with these traits reads it."""
    if not traits.english:
        return Wording(prompt)
    styles = tuple(traits.style_bpm)
    wording = _plainly(to_english(prompt), styles)
    whole = _plainly(with_foreign_words(prompt), styles)
    return replace(wording, unknown=unknown_words(whole.text, traits))


def as_model_reads(prompt: str, traits: ModelTraits) -> str:
    """The prompt in the words that a model's captions were in."""
    return read_wording(prompt, traits).text


@lru_cache(maxsize=64)
def _plainly(prompt: str, styles: tuple[str, ...]) -> Wording:
    """An English prompt as tags, the style first; a caption, and what has no such words, stays."""
    text = prompt
    for pattern, meaning in _patterns():
        text = pattern.sub(meaning, text)
    unwanted: list[str] = []
    for match in _UNWANTED.finditer(text):
        unwanted += [w for word in re.split(r"\bor\b|\bnor\b", match[1]) if (w := word.strip())]
    text = _UNWANTED.sub(", ", text)
    text = _IN_VAIN.sub(" , ", text)
    parts = [_trimmed(part) for part in _PARTS.sub(",", text).split(",")]
    plain = tidy(", ".join(filter(None, parts)))
    if not plain or (not unwanted and _same(plain, prompt)):
        return Wording(prompt, tuple(unwanted))
    tags = [tag for part in parts for tag in _listed(part, styles)]
    tags.sort(key=lambda tag: tag.lower() not in styles)  # a caption's style comes first
    return Wording(tidy(", ".join(tags)), tuple(unwanted))


def _listed(part: str, styles: Collection[str]) -> list[str]:
    """ "organ and drums" is two things, "drum and bass" one."""
    together = part.lower() in styles or any(f" {s} " in f" {part.lower()} " for s in styles)
    return [part] if together else part.split(" and ")


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern, re.I), meaning) for pattern, meaning in _MEANINGS)


def _trimmed(part: str) -> str:
    part = " ".join(part.split())
    part = _DANGLING.sub("", part) if not part.lower().startswith(("in ", "at ", "with ")) else part
    return _LISTED_ARTICLE.sub(r"\1 ", part).strip()


def _same(plain: str, prompt: str) -> bool:
    """Whether nothing but punctuation and an article at the start went."""
    return _letters(plain) == _letters(prompt)


def _letters(text: str) -> str:
    return re.sub(r"[^\w#&/]+", "", _FIRST_ARTICLE.sub("", text.strip()).lower())
