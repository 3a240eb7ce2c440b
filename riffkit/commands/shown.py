"""What `riff inspect` and `riff models show` print of their facts; `--json` has all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from riffkit.limits import bpm_text

_BITS = {"PCM_16": "16 bits", "PCM_24": "24 bits", "FLOAT": "floats"}
_MOST_BARS = 16
_ABOVE = ("bpm", "key")  # of a recipe's values: printed as the file's tempo and key


def file_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """An audio file, an image or MIDI."""
    yield f"{facts['file']}: {', '.join(_kind(facts))}"
    if facts["kind"] == "MIDI":
        yield from score_lines(facts["score"])
        if facts["recipe"] is not None:
            yield from _recipe(facts["recipe"])
        return
    measured = facts["measured"]
    tempo, heard = (_bpm(one["tempo_bpm"]) for one in (facts, measured))
    yield f"tempo: {_own_and_measured(tempo, heard)}"
    yield f"key: {_own_and_measured(facts['key'], measured['key'])}"
    assumed = facts.get("assumed", ())
    if measured["loudness_lufs"] is None:
        yield "loudness: silent"
    elif "max_value" not in assumed:  # or it is that of a made-up level
        peak = measured["true_peak_dbfs"]
        yield f"loudness: {measured['loudness_lufs']:.1f} LUFS, true peak {peak:.1f} dBFS"
    if measured["tags"]:
        tags = (f"{name} {100 * share:.0f} %" for name, share in measured["tags"].items())
        yield f"sounds like: {', '.join(tags)}"
    if missing := [name for name in assumed if name != "max_value"]:
        yield f"not in the file: {', '.join(missing)}"
    if facts["score"] is not None:
        yield from score_lines(facts["score"])
    if facts["recipe"] is not None:
        yield from _recipe(facts["recipe"])


def score_lines(score: Mapping[str, Any]) -> Iterator[str]:
    """Chords, sections and tracks; of a long song the chords of its first bars."""
    if score["chords"]:
        bars = score["chords"].split(" | ")
        more = f" | … ({score['bars']} bars)" if len(bars) > _MOST_BARS else ""
        yield f"chords: {' | '.join(bars[:_MOST_BARS])}{more}"
    if score["sections"]:
        named = [*map(_section, score["sections"][:_MOST_BARS])]
        n_more = len(score["sections"]) - len(named)
        yield f"sections: {', '.join(named)}" + (f", … ({n_more} more)" if n_more else "")
    yield "tracks:"
    for track in score["tracks"]:
        name = (
            f" “{track['name']}”" if track.get("name", "") not in ("", track["instrument"]) else ""
        )
        if track["role"] == "drums":
            about = f"{_counted(track['notes'], 'note')}: {', '.join(track['parts'])}"
        else:
            n_notes = _counted(track["notes"], "note")
            about = f"{track['role']}, {n_notes}, {track['lowest']} to {track['highest']}"
        yield f"  {track['track']} {track['instrument']}{name}: {about}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _section(section: Mapping[str, Any]) -> str:
    """ "verse 5-12", in bars; "bridge 4.5-6" where it begins within one."""
    first, last = section["bar"], section["bar"] + section["bars"] - 1
    return f"{section['name']} {first:g}" + (f"-{last:g}" if last > first else "")


def _kind(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts["kind"] == "MIDI":
        score = facts["score"]
        yield from ("MIDI", f"{bpm_text(facts['tempo_bpm'])} BPM")
        yield from [facts["key"]] if facts["key"] else []
        yield f"{_counted(score['bars'], 'bar')} of {score['beats_per_bar']}/4"
        yield _counted(facts["notes"], "note")
        return
    yield f"{facts['measured']['seconds']:.2f} s"
    if facts["kind"] == "audio":
        yield f"{facts['sample_rate']:,} Hz"
        yield "stereo" if facts["channels"] == 2 else "mono"
        if facts["subtype"] in _BITS:
            yield _BITS[facts["subtype"]]
        return
    parameters, grid = facts["parameters"], facts["beat_grid"]
    yield f"{facts['width']} × {parameters['n_mels']} px"
    yield str(parameters["preset"])
    if grid is not None:
        yield f"{grid['n_beats']} beats"
    if facts["transpose"]:
        yield f"transposed by {facts['transpose']:+g} semitones"


def _bpm(bpm: float | None) -> str | None:
    return None if bpm is None else f"{bpm_text(bpm)} BPM"


def _own_and_measured(own: str | None, measured: str | None) -> str:
    """The file's own value first; what was measured can be wrong."""
    if own is None:
        return "unclear" if measured is None else f"{measured} (measured)"
    return f"{own} (measured: {measured or 'unclear'})"


def _recipe(recipe: Mapping[str, Any]) -> Iterator[str]:
    """What was asked for and isn't the default; not what only a replay needs."""
    yield f"recipe: {recipe['command']}"
    usual = _defaults(recipe["command"])
    asked = recipe["arguments"]
    for name in sorted(asked, key=lambda name: not name.startswith("prompt")):
        value = tuple(asked[name]) if isinstance(asked[name], list) else asked[name]
        if name not in _ABOVE and value not in (None, usual.get(name)):
            yield f"  {name}: {_text(asked[name])}"
    for name, one in recipe["inputs"].items():
        yield f"  {name}: {one.get('name') or one.get('seed')}"
    if recipe["model"]:
        yield f"  model: {recipe['model']['name']}"
        for lora in recipe["model"].get("loras", ()):
            yield f"  lora: {lora['name']}:{lora['weight']:g}"
    if made_by := recipe["versions"].get("riffkit"):
        yield f"  riffkit: {made_by}"


def _defaults(command: str) -> dict[str, Any]:
    from riffkit.music.composing import ComposeRequest
    from riffkit.music.registry import tasks

    requests: dict[str, type[Any]] = {name: task.request for name, task in tasks().items()}
    requests["compose"] = ComposeRequest
    return {f.name: f.default for f in fields(requests[command])} if command in requests else {}


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        if all(isinstance(one, int | float) for one in value):  # from A to B
            return ":".join(map(_text, value))
        return " | ".join(map(_text, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_text(v)}" for k, v in value.items() if v not in (None, ""))
    return str(value)


def model_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """A model's parts, its spectrogram, its defaults, and how many styles it has tempi for."""
    yield f"{facts['name']}: {sum(facts['parameters'].values()) / 1e6:.1f} million parameters"
    parts = facts.get("parts", {})
    for part, n_parameters in facts["parameters"].items():
        kind = f" ({parts[part]})" if part in parts else ""
        yield f"  {part}: {n_parameters / 1e6:.1f} million{kind}"
    spectrogram = facts["spectrogram"]
    yield (
        f"spectrogram: {spectrogram['preset']}, {spectrogram['n_mels']} bands to "
        f"{spectrogram['max_hz']:,g} Hz, sound at {spectrogram['sample_rate']:,} Hz"
    )
    defaults = facts["defaults"]
    yield (
        f"defaults: {defaults['default_steps']} steps, guidance {defaults['default_guidance']:g}, "
        f"{bpm_text(defaults['default_bpm'])} BPM"
    )
    if defaults["style_bpm"]:
        tempi = sorted(defaults["style_bpm"].values())
        yield (
            f"styles: {len(tempi)} names, with tempi from {bpm_text(tempi[0])} to "
            f"{bpm_text(tempi[-1])} BPM"
        )
    if defaults["native_tonics"]:
        yield f"paints in: {', '.join(defaults['native_tonics'])}"
