"""The topics of one edge."""

from __future__ import annotations

from edge.messages.base import ROOT


class Topics:
    """The topics of one edge."""

    def __init__(self, site: str, edge: str) -> None:
        self.prefix = f"{ROOT}/{site}/edge/{edge}"
        self.status = f"{self.prefix}/status"
        self.roster = f"{self.prefix}/roster"
        self.self_check = f"{self.prefix}/self-check"
        self.fence = f"{self.prefix}/fence"
        self.event = f"{self.prefix}/event"
        self.omitted = f"{self.prefix}/omitted"
        self.journal = f"{self.prefix}/journal"

    def response(self, station: str) -> str:
        """Where a station hears what became of its requests."""
        return f"{self.prefix}/response/{station}"

    def history(self, station: str) -> str:
        """Where a station gets the pages of history that it asked for."""
        return f"{self.prefix}/history/{station}"

    def request(self, station: str, verb: str) -> str:
        """Where a station asks."""
        return f"{self.prefix}/request/{station}/{verb}"

    def receipt(self, station: str) -> str:
        """Where a station's pages say what they paint."""
        return f"{self.prefix}/receipt/{station}"

    def scope(self, bed: str) -> str:
        """Where a bed's topics stand; the edge's own for an empty ``bed``."""
        return f"{self.prefix}/bed/{bed}" if bed else self.prefix

    def snapshot(self, bed: str) -> str:
        """Every metric of a bed."""
        return f"{self.scope(bed)}/snapshot"

    def therapy(self, bed: str) -> str:
        """A bed's order, phase and limits."""
        return f"{self.scope(bed)}/therapy"

    def alarms(self, bed: str) -> str:
        """The index of present alarms."""
        return f"{self.scope(bed)}/alarms"

    def alarm(self, bed: str, key: str) -> str:
        """One alarm."""
        return f"{self.scope(bed)}/alarm/{key}"
