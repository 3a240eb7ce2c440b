"""General MIDI's programs and drum keys as this package's instruments and parts of the kit."""

from __future__ import annotations

from riffkit.score.drums import PARTS, SECTIONS
from riffkit.score.instruments import INSTRUMENTS, KITS

_OWN = {
    program: name
    for name, instrument in reversed(INSTRUMENTS.items())
    for program in instrument.programs
} | {80: "square lead"}
_NEAREST: dict[int, tuple[str, str]] = {
    2: ("electric grand piano", "piano"),
    3: ("honky-tonk piano", "piano"),
    15: ("dulcimer", "harp"),
    20: ("reed organ", "accordion"),
    31: ("guitar harmonics", "electric guitar"),
    43: ("contrabass", "cello"),
    44: ("tremolo strings", "strings"),
    54: ("synth voice", "choir"),
    55: ("orchestra hit", "brass"),
    58: ("tuba", "trombone"),
    64: ("soprano saxophone", "saxophone"),
    67: ("baritone saxophone", "saxophone"),
    69: ("English horn", "oboe"),
    70: ("bassoon", "clarinet"),
    72: ("piccolo", "flute"),
    74: ("recorder", "flute"),
    76: ("blown bottle", "pan flute"),
    77: ("shakuhachi", "pan flute"),
    78: ("whistle", "flute"),
    79: ("ocarina", "pan flute"),
    82: ("calliope lead", "synth lead"),
    83: ("chiff lead", "synth lead"),
    84: ("charang", "synth lead"),
    85: ("voice lead", "synth lead"),
    86: ("fifths lead", "synth lead"),
    92: ("bowed glass pad", "synth pad"),
    93: ("metallic pad", "synth pad"),
    **{96 + k: (f"synth effect {k + 1}", "synth pad") for k in range(8)},
    106: ("shamisen", "banjo"),
    107: ("koto", "harp"),
    109: ("bagpipe", "accordion"),
    110: ("fiddle", "violin"),
    111: ("shanai", "oboe"),
    112: ("tinkle bell", "glockenspiel"),
    113: ("agogo", "xylophone"),
    115: ("woodblock", "xylophone"),
    116: ("taiko drum", "timpani"),
    117: ("melodic tom", "timpani"),
    118: ("synth drum", "timpani"),
    119: ("reverse cymbal", "synth pad"),
    **{120 + k: (f"sound effect {k + 1}", "synth pad") for k in range(8)},
}
"""Programs that no instrument has: their names, and what plays them."""

_MORE_DRUMS = {
    "kick": (35,),
    "snare": (31, 40),
    "toms": (43, 48),
    "hats": (22, 26),
    "ride": (59,),
    "crash": (52, 55, 57),
    "shakers": (54, 69, 70, 82, 83),
}
"""Keys of General MIDI, GS and drum pads beside those that the drummers here play."""
_SECTION_OF = {PARTS[part]: name for name, (_, parts) in SECTIONS.items() for part in parts}
_SECTION_OF |= {key: name for name, keys in _MORE_DRUMS.items() for key in keys}
_OTHER_DRUMS = "hand percussion"


def instrument_of(program: int) -> tuple[str, str]:
    """The instrument that plays a program, and the program's own name where that is another."""
    if program in _OWN:
        return _OWN[program], ""
    name, instrument = _NEAREST[program]
    return instrument, name


def drum_section_of(pitch: int) -> str:
    """The part of the kit that a drum key belongs to: a name of `SECTIONS`."""
    return _SECTION_OF.get(pitch, _OTHER_DRUMS)


def kit_of(program: int) -> str:
    """The kit of a drum program, or the one that its bank of eight begins with."""
    kits = {number: name for name, number in KITS.items()}
    return kits.get(program) or kits.get(program - program % 8, "acoustic")
