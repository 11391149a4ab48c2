"""Web rank as a source: the two vendors behind one door."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.stream import Stream
from connectors.web_rank.ranks import Tranco
from connectors.web_rank.streams import RANKS, STREAMS
from connectors.web_rank.visits import Similarweb
from connectors.zone import Extracted, LoadFolder
from headwater.clock import Clock
from headwater.settings import Settings
from headwater.system_settings import WebRankSettings


@dataclass
class WebRankSource:
    """A daily list of ranks, and visits by month of the accounts' domains."""

    settings: Settings
    web_rank: WebRankSettings
    name: str = "web_rank"
    streams: tuple[Stream, ...] = STREAMS
    concurrency: int = len(STREAMS)

    def __post_init__(self) -> None:
        self.tranco = Tranco(self.settings, self.web_rank)
        self.similarweb = Similarweb(self.settings, self.web_rank)

    def check(self) -> None:
        """Ask the one for its newest list, and the other what the key may do: neither costs."""
        self.tranco.check()
        self.similarweb.check()

    def extract(
        self, stream: Stream, cursor: str | None, folder: LoadFolder, clock: Clock
    ) -> Extracted:
        """The newest list behind ``cursor`` (a day), or the months that are not landed yet."""
        del clock
        if stream == RANKS:
            return self.tranco.extract(cursor, folder)
        return self.similarweb.extract(cursor, folder)

    def close(self) -> None:
        """Close the sessions."""
        self.tranco.close()
        self.similarweb.close()
