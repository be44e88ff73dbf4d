"""The way from the address of a source to that of its file, by the redirects of servers."""

from contextlib import suppress

from chalicelib.sources.failures import InvalidSource, RedirectRefused
from chalicelib.sources.remote_url import RemoteUrl

REDIRECTS = (301, 302, 303, 307, 308)


class Trail:
    """The addresses asked so far, the present one last."""

    def __init__(self, start: RemoteUrl) -> None:
        self.urls = [start]
        self.is_home = True  # whether credentials may go there; once away, coming back does not make up for it

    @property
    def here(self) -> RemoteUrl:
        """The address that is asked now."""
        return self.urls[-1]

    @property
    def shown(self) -> str:
        """The present address, and where the way began, for messages."""
        start = f", redirected from {self.urls[0].shown}" if len(self.urls) > 1 else ""
        return f"{self.here.shown}{start}"

    def follow(self, location: str | None, *, most: int) -> None:
        """Go on to where the server says; RedirectRefused when that cannot be, goes in a circle, or is too far."""
        target = self._target(location)
        if target in self.urls:
            circle = [*self.urls[self.urls.index(target) :], target]
            raise RedirectRefused(f"in a circle: {' → '.join(url.shown for url in circle)}")
        if len(self.urls) > most:
            raise RedirectRefused(f"more than {most} redirects, the last to {target.shown}")
        self.is_home = self.is_home and _is_same_server(self.urls[0], target)
        self.urls.append(target)

    def _target(self, location: str | None) -> RemoteUrl:
        if not location:
            raise RedirectRefused("without a Location")
        with suppress(UnicodeError):  # http.client reads headers as Latin-1, servers write UTF-8
            location = location.encode("latin-1").decode()
        try:
            return self.here.follow(location)
        except InvalidSource:
            raise RedirectRefused("to what is no http or https address of a host") from None


def _is_same_server(start: RemoteUrl, target: RemoteUrl) -> bool:
    """Whether what was sent to the one may be sent to the other: the same server, or its secure twin."""
    is_same = (start.scheme, start.port) == (target.scheme, target.port)
    is_upgrade = target.scheme == "https" and start.scheme == "http" and start.has_usual_port and target.has_usual_port
    return start.host == target.host and (is_same or is_upgrade)
