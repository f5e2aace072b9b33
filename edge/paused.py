"""The pauses in force in plain words, as the therapy messages of the beds have them, for whoever reads a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from edge.messages.therapy import PauseMessage

_REASONS = {
    "audio_pause": "sound paused",
    "off_monitor": "patient off the monitor",
    "awaiting_repeat": "silent until it is measured again",
    "at_device": "silenced at the device",
    "service": "UNDER SERVICE, its device alarms are silent",
}
_MINUTE_S, _HOUR_S = 60, 3600


def told(pauses: Mapping[str, Iterable[PauseMessage]], labels: Mapping[str, str], now_s: float) -> Iterator[str]:
    """Say each pause in force, and what ends it.

    ``pauses`` of each bed, ``labels`` of all beds of the edge, and ``now_s`` by the clock of the run that they are of.
    A pause of all beds is among those of each.
    """
    beds_of: dict[PauseMessage, list[str]] = {}
    for bed, found in sorted(pauses.items()):
        for pause in found:
            if pause.until_mono_s > now_s:
                beds_of.setdefault(pause, []).append(bed)
    for pause, beds in beds_of.items():
        said = f"{_REASONS[pause.reason]} ({pause.by}), {span(pause.until_mono_s - now_s)} more; infusion-edge resume"
        # Where there is one bed, both ways of ending it do.
        if pause.reason == "audio_pause" and labels and labels.keys() <= set(beds):
            yield f"All beds: {said} ends it"
        else:
            yield from (f"{labels.get(bed, bed)}: {said} {bed} ends it" for bed in beds)


def span(seconds: float) -> str:
    """Say how long, in whole units; what is over is 0 s."""
    whole = max(0, int(seconds))
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
