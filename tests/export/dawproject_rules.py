"""The rules of DAWproject 1.0 for the elements that riffkit writes: which children, in which order,
and which attributes of which kind. Written from the format's reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element


@dataclass(frozen=True)
class Rule:
    """`children` is a pattern over their names, each with a space behind it. Of `attributes`, those
    with "!" are needed; the rest of the word says what they hold.
    """

    children: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


_NAMED = {"name": "text", "color": "text", "comment": "text"}
_KNOWN = {**_NAMED, "id": "id"}
_TIMELINE = {**_KNOWN, "timeUnit": "time_unit", "track": "reference"}
_CONTENT = "(Lanes |Notes |Clips |Warps |Audio |Points )"
_PARAMETER = {**_KNOWN, "parameterID": "whole"}
_REAL = {**_PARAMETER, "max": "number", "min": "number", "unit": "unit!", "value": "number"}
RULES = {
    "Project": Rule(
        "Application (Transport )?(Structure )?(Arrangement )?(Scenes )?", {"version": "text!"}
    ),
    "Application": Rule("", {"name": "text!", "version": "text!"}),
    "Transport": Rule("(Tempo )?(TimeSignature )?"),
    "Tempo": Rule("", _REAL),
    "TimeSignature": Rule("", {**_PARAMETER, "denominator": "whole!", "numerator": "whole!"}),
    "Structure": Rule("(Track |Channel )*"),
    "Track": Rule(
        "(Channel )?(Track )*", {**_KNOWN, "contentType": "contents", "loaded": "yes_no"}
    ),
    "Channel": Rule(
        "(Devices )?(Mute )?(Pan )?(Sends )?(Volume )?",
        {
            **_KNOWN,
            "audioChannels": "whole",
            "destination": "reference",
            "role": "role",
            "solo": "yes_no",
        },
    ),
    "Mute": Rule("", {**_PARAMETER, "value": "yes_no"}),
    "Pan": Rule("", _REAL),
    "Volume": Rule("", _REAL),
    "Arrangement": Rule(
        "(Lanes )?(Markers )?(TempoAutomation )?(TimeSignatureAutomation )?", _KNOWN
    ),
    "Lanes": Rule(f"{_CONTENT}*", _TIMELINE),
    "Clips": Rule("(Clip )*", _TIMELINE),
    "Clip": Rule(
        f"{_CONTENT}?",
        {
            **_NAMED,
            "time": "number!",
            "duration": "number",
            "contentTimeUnit": "time_unit",
            "playStart": "number",
            "playStop": "number",
            "loopStart": "number",
            "loopEnd": "number",
        },
    ),
    "Warps": Rule(f"{_CONTENT}(Warp )+", {**_TIMELINE, "contentTimeUnit": "time_unit!"}),
    "Warp": Rule("", {"time": "number!", "contentTime": "number!"}),
    "Audio": Rule(
        "File ",
        {
            **_TIMELINE,
            "algorithm": "text",
            "channels": "whole!",
            "duration": "number!",
            "sampleRate": "whole!",
        },
    ),
    "File": Rule("", {"path": "text!", "external": "yes_no"}),
    "Notes": Rule("(Note )*", _TIMELINE),
    "Note": Rule(
        f"{_CONTENT}?",
        {
            "time": "number!",
            "duration": "number!",
            "channel": "whole!",
            "key": "whole!",
            "vel": "number",
            "rel": "number",
        },
    ),
    "Markers": Rule("(Marker )+", _TIMELINE),
    "Marker": Rule("", {**_NAMED, "time": "number!"}),
    "MetaData": Rule(
        "(Title )?(Artist )?(Album )?(OriginalArtist )?(Composer )?(Songwriter )?(Producer )?"
        "(Arranger )?(Year )?(Genre )?(Copyright )?(Website )?(Comment )?"
    ),
    "Title": Rule(),
    "Comment": Rule(),
}
_KINDS = {
    "text": ".*",
    "id": r"[A-Za-z_][\w.-]*",
    "reference": r"[A-Za-z_][\w.-]*",
    "whole": r"-?\d+",
    "number": r"-?\d+(\.\d+)?([eE][+-]?\d+)?",
    "yes_no": "true|false",
    "time_unit": "beats|seconds",
    "unit": "linear|normalized|percent|decibel|hertz|semitones|seconds|beats|bpm",
    "role": "regular|master|effect|submix|vca",
    "contents": "((audio|automation|notes|video|markers|tracks) ?)+",
}


def broken_rules(root: Element) -> list[str]:
    """What is wrong in a project.xml or metadata.xml; empty where nothing is."""
    found: list[str] = []
    ids: list[str] = []
    references: list[str] = []
    for element in root.iter():
        rule = RULES.get(element.tag)
        if rule is None:
            found.append(f"{element.tag}: isn't in the format")
            continue
        names = "".join(f"{child.tag} " for child in element)
        if not re.fullmatch(rule.children, names):
            found.append(f"{element.tag}: may not hold {names}")
        found += [
            f"{element.tag}: lacks {name}"
            for name, kind in rule.attributes.items()
            if kind.endswith("!") and name not in element.attrib
        ]
        for name, value in element.attrib.items():
            kind = rule.attributes.get(name, "").rstrip("!")
            if not kind or not re.fullmatch(_KINDS[kind], value, re.DOTALL):
                found.append(f"{element.tag}: {name}={value!r}")
            ids += [value] if kind == "id" else []
            references += [value] if kind == "reference" else []
    found += [f"{name}: there twice" for name in {name for name in ids if ids.count(name) > 1}]
    return found + [f"{name}: isn't there" for name in references if name not in ids]
