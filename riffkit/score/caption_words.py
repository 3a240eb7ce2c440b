"""The words captions are made of. Each list holds only what is true of all it stands for."""

from __future__ import annotations

INSTRUMENT_WORDS: dict[str, tuple[str, ...]] = {
    "electric piano": ("electric piano", "electric piano", "rhodes", "e-piano"),
    "acoustic guitar": ("acoustic guitar", "acoustic guitar", "guitar"),
    "electric guitar": ("electric guitar", "electric guitar", "guitar", "clean electric guitar"),
    "jazz guitar": ("jazz guitar", "guitar", "mellow jazz guitar"),
    "muted guitar": ("muted guitar", "palm-muted guitar"),
    "overdriven guitar": ("overdriven guitar", "crunchy guitar", "electric guitar"),
    "distorted guitar": (
        "distorted guitar",
        "distorted electric guitar",
        "heavy guitar",
        "distortion guitar",
    ),
    "upright bass": ("upright bass", "double bass", "acoustic bass", "bass"),
    "bass guitar": ("bass guitar", "electric bass", "bass"),
    "fretless bass": ("fretless bass", "bass", "bass guitar"),
    "slap bass": ("slap bass", "bass", "funky slap bass"),
    "synth bass": ("synth bass", "synth bass", "bass", "synthesizer bass"),
    "strings": ("strings", "strings", "string section", "string ensemble"),
    "synth strings": ("synth strings", "string synth"),
    "pizzicato strings": ("pizzicato strings", "plucked strings", "pizzicato"),
    "choir": ("choir", "choir", "choir voices", "voices"),
    "brass": ("brass", "brass section", "horns"),
    "saxophone": ("saxophone", "saxophone", "sax"),
    "harmonica": ("harmonica", "mouth organ", "harmonica"),
    "synth lead": ("synth lead", "lead synth", "synthesizer lead", "synth"),
    "square lead": ("square lead", "square wave lead", "square wave synth", "synth"),
    "synth pad": ("synth pad", "pad", "synthesizer pad", "soft synth pad"),
    "steel drums": ("steel drums", "steel pan", "steelpan"),
    "organ": ("organ", "organ", "hammond organ"),
    "church organ": ("church organ", "pipe organ", "organ"),
    "vibraphone": ("vibraphone", "vibes"),
    "kalimba": ("kalimba", "thumb piano", "kalimba"),
    "violin": ("violin", "violin", "fiddle"),
    "accordion": ("accordion", "accordion", "squeezebox"),
}

KIT_WORDS: dict[str, tuple[str, ...]] = {
    "808": ("808 drums", "808 beat", "drum machine"),
    "electronic": ("electronic drums", "electronic beat", "drum machine"),
    "brushes": ("brushed drums", "soft brushed drums", "brushes"),
    "jazz": ("jazz drums", "jazz drum kit"),
    "orchestral": ("orchestral percussion", "orchestral drums"),
    "power": ("big drums", "powerful drums", "acoustic drums"),
    "room": ("acoustic drums", "live drums"),
    "acoustic": ("acoustic drums", "drum kit"),
}
DRUM_WORDS = ("drums", "drums", "drums", "beat", "drum beat", "percussion")
NO_DRUM_WORDS = ("no drums", "without drums", "no drums", "no beat", "drumless")
NO_PERCUSSION_WORDS = ("no percussion", "without percussion")
STRUCK = frozenset(
    (
        "timpani",
        "steel drums",
        "marimba",
        "xylophone",
        "vibraphone",
        "glockenspiel",
        "tubular bells",
        "celesta",
        "kalimba",
    )
)

DENSITY_WORDS: dict[str, tuple[str, ...]] = {
    "sparse": ("sparse", "sparse", "minimal", "simple", "spacious"),
    "medium": (),
    "dense": ("dense", "dense", "busy", "full", "rich"),
}

SLOW_BPM, FAST_BPM = 84, 140
SLOW_WORDS = ("slow", "slow", "downtempo", "slow tempo")
MIDDLE_WORDS = ("mid-tempo", "medium tempo", "moderate")
FAST_WORDS = ("fast", "fast", "uptempo", "quick")

FIGURE_WORDS: dict[str, tuple[str, ...]] = {
    "arpeggio": ("{} arpeggio", "arpeggiated {}", "{} arpeggios"),
    "chords": ("{} chords", "{} chords", "chords on {}"),
    "melody": ("{} melody", "{} tune", "{} melody line"),
    "riff": ("{} riff", "{} riff", "repeating {} riff"),
    "bass line": ("{} line", "{} groove", "{} riff"),
}
SOLO_WORDS = ("solo {}", "solo {}", "{} solo", "{} alone", "unaccompanied {}", "only {}")
DRUMS_ONLY_WORDS = (
    "drums only",
    "only drums",
    "drum loop",
    "just drums",
    "drum break",
    "drums, no melody",
)
NOUNS = ("loop", "loop", "track", "music", "groove", "piece", "instrumental")
GENTLE_NOUNS = ("loop", "music", "piece", "instrumental")
THREE_WORDS = ("in 3/4", "3/4 time", "in three", "waltz time")
