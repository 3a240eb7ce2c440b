"""The instruments: their programs in General MIDI, their ranges, and what they play well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Instrument:
    """`low` to `high` is the comfortable range (MIDI pitch) of melodies.

    `figures` is what it may play alone: m melody, c chords, a arpeggio, r riff, b bass line,
    p melody over its own chords. `send` is how much of it goes to the reverb.
    """

    programs: tuple[int, ...]
    low: int
    high: int
    figures: str
    sustains: bool = False
    send: float = 0.25


INSTRUMENTS: dict[str, Instrument] = {
    "piano": Instrument((0, 1), 52, 88, "mcapp"),
    "electric piano": Instrument((4, 5), 50, 84, "mcap"),
    "harpsichord": Instrument((6,), 52, 84, "map"),
    "clavinet": Instrument((7,), 48, 76, "rc", send=0.1),
    "celesta": Instrument((8,), 67, 96, "ma", send=0.4),
    "glockenspiel": Instrument((9,), 74, 100, "ma", send=0.4),
    "music box": Instrument((10,), 67, 96, "map", send=0.35),
    "vibraphone": Instrument((11,), 55, 86, "mca", send=0.35),
    "marimba": Instrument((12,), 50, 86, "mara"),
    "xylophone": Instrument((13,), 66, 96, "mar"),
    "tubular bells": Instrument((14,), 60, 77, "m", send=0.4),
    "organ": Instrument((16, 17, 18), 52, 84, "mca", True),
    "church organ": Instrument((19,), 50, 84, "mcp", True, 0.5),
    "accordion": Instrument((21, 23), 55, 84, "mc", True),
    "harmonica": Instrument((22,), 60, 84, "m", True),
    "acoustic guitar": Instrument((24, 25), 50, 79, "mcaa"),
    "jazz guitar": Instrument((26,), 50, 79, "mca"),
    "electric guitar": Instrument((27,), 50, 81, "mcar"),
    "muted guitar": Instrument((28,), 45, 72, "r", send=0.1),
    "overdriven guitar": Instrument((29,), 50, 81, "mr", True),
    "distorted guitar": Instrument((30,), 48, 81, "mrr", True, 0.15),
    "upright bass": Instrument((32,), 31, 55, "b", send=0.08),
    "bass guitar": Instrument((33, 34), 28, 55, "b", send=0.04),
    "fretless bass": Instrument((35,), 28, 55, "b", send=0.08),
    "slap bass": Instrument((36, 37), 28, 55, "b", send=0.04),
    "synth bass": Instrument((38, 39), 28, 52, "b", send=0.03),
    "violin": Instrument((40,), 57, 88, "m", True, 0.4),
    "viola": Instrument((41,), 50, 79, "m", True, 0.4),
    "cello": Instrument((42,), 38, 69, "m", True, 0.4),
    "pizzicato strings": Instrument((45,), 48, 81, "mra", send=0.4),
    "harp": Instrument((46,), 48, 91, "aap", send=0.45),
    "strings": Instrument((48, 49), 48, 84, "mc", True, 0.4),
    "synth strings": Instrument((50, 51), 48, 84, "c", True, 0.35),
    "choir": Instrument((52, 53), 50, 79, "mc", True, 0.5),
    "trumpet": Instrument((56,), 57, 82, "m", True, 0.3),
    "trombone": Instrument((57,), 43, 70, "m", True, 0.3),
    "muted trumpet": Instrument((59,), 57, 82, "m", True, 0.3),
    "french horn": Instrument((60,), 48, 74, "m", True, 0.45),
    "brass": Instrument((61,), 50, 77, "mc", True, 0.3),
    "synth brass": Instrument((62, 63), 50, 79, "mc", True, 0.25),
    "saxophone": Instrument((65, 66), 52, 79, "m", True, 0.25),
    "oboe": Instrument((68,), 60, 86, "m", True, 0.4),
    "clarinet": Instrument((71,), 53, 84, "m", True, 0.35),
    "flute": Instrument((73,), 62, 91, "m", True, 0.4),
    "pan flute": Instrument((75,), 62, 88, "m", True, 0.4),
    "square lead": Instrument((80,), 55, 91, "mar", True, 0.1),
    "synth lead": Instrument((81, 80, 87), 55, 86, "mra", True, 0.2),
    "synth pad": Instrument((88, 89, 90, 91, 94, 95), 50, 79, "c", True, 0.5),
    "sitar": Instrument((104,), 50, 77, "mr", send=0.25),
    "banjo": Instrument((105,), 53, 79, "aam", send=0.15),
    "kalimba": Instrument((108,), 60, 88, "mar", send=0.3),
    "steel drums": Instrument((114,), 58, 86, "mar", send=0.25),
    "timpani": Instrument((47,), 40, 57, "b", send=0.4),
}

SOLOISTS = (
    "piano",
    "piano",
    "electric piano",
    "organ",
    "harpsichord",
    "music box",
    "vibraphone",
    "marimba",
    "xylophone",
    "accordion",
    "harmonica",
    "acoustic guitar",
    "acoustic guitar",
    "electric guitar",
    "distorted guitar",
    "bass guitar",
    "violin",
    "cello",
    "strings",
    "choir",
    "trumpet",
    "trombone",
    "saxophone",
    "flute",
    "clarinet",
    "synth lead",
    "synth pad",
    "harp",
    "sitar",
    "banjo",
    "kalimba",
    "steel drums",
    "upright bass",
    "synth bass",
    "church organ",
)

KITS: dict[str, int] = {
    "acoustic": 0,
    "room": 8,
    "power": 16,
    "electronic": 24,
    "808": 25,
    "jazz": 32,
    "brushes": 40,
    "orchestral": 48,
}
