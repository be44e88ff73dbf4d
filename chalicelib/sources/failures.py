"""Why a source could not be fetched. The docstring of a class is the sentence for the publisher; `code` is what runs,
logs and metrics call it; `is_retriable` says whether a later run may succeed with nobody doing anything.

No message holds a secret: places are shown without user, password and query, and what a server said is not repeated.
"""


class FetchFailed(Exception):  # noqa: N818 - the fetch failed, the program did not
    """The source could not be fetched."""

    code = "fetch_failed"
    is_retriable = False

    def __init__(self, detail: str = "", *, retry_after: int | None = None, http_status: int | None = None) -> None:
        super().__init__(detail)
        self.detail, self.retry_after = detail, retry_after  # retry_after: seconds that the server asked to wait
        self.http_status = http_status  # of an answer that says so
        self.place = ""  # what was being fetched; set where that is known

    @property
    def message(self) -> str:
        """The sentence for the publisher, with the place and the detail."""
        sentence = " ".join((type(self).__doc__ or "").split())
        facts = "; ".join(fact for fact in (self.place, self.detail) if fact)
        return f"{sentence.removesuffix('.')} ({facts})." if facts else sentence

    def __str__(self) -> str:
        return self.message


class InvalidSource(FetchFailed):
    """The source cannot be fetched as it is described: mend its url, auth or headers."""

    code = "invalid_source"


class AddressRefused(FetchFailed):
    """The host lies in a private or reserved network, from which nothing is fetched: publish the file where the whole
    internet can reach it."""

    code = "address_refused"


class HostNotFound(FetchFailed):
    """No host has this name: check the spelling of the address."""

    code = "host_not_found"


class Unreachable(FetchFailed):
    """The server cannot be reached: check that it runs and takes connections from the internet. A later attempt may
    succeed."""

    code = "unreachable"
    is_retriable = True


class TimedOut(FetchFailed):
    """The server did not answer in time: check that it is not overloaded. A later attempt may succeed."""

    code = "timed_out"
    is_retriable = True


class OutOfTime(FetchFailed):
    """The file did not arrive in the time that a run has: make it smaller, compress it, or publish it on a faster
    server. A later attempt may succeed."""

    code = "out_of_time"
    is_retriable = True


class CertificateRefused(FetchFailed):
    """The server's certificate is not valid for it: renew or mend the certificate, or correct the host name."""

    code = "certificate_refused"


class TlsFailed(FetchFailed):
    """The server offers no secure connection that can be used: enable TLS 1.2 or newer on it, or use an address that
    begins with http:// or ftp://."""

    code = "tls_failed"


class AccessDenied(FetchFailed):
    """The server refuses access: check the username and password, the token or the headers of the source."""

    code = "access_denied"


class FileNotThere(FetchFailed):
    """The server has no such file, or not for this user: check the address of the source."""

    code = "file_not_there"


class RequestRefused(FetchFailed):
    """The server refuses the request: check the address, and ask the people who run the server."""

    code = "request_refused"


class TooManyRequests(FetchFailed):
    """The server asks for fewer requests: fetch from it less often. A later attempt may succeed."""

    code = "too_many_requests"
    is_retriable = True


class ServerFailed(FetchFailed):
    """The server cannot answer at the moment. A later attempt may succeed; if it lasts, ask the people who run the
    server."""

    code = "server_failed"
    is_retriable = True


class RedirectRefused(FetchFailed):
    """The server redirects to where nothing can be fetched: use the address that the file really has."""

    code = "redirect_refused"


class SourceTooLarge(FetchFailed):
    """The file is too large: split it into several sources, or leave columns out."""

    code = "source_too_large"


class Incomplete(FetchFailed):
    """The file did not arrive whole: check that it is not being written meanwhile. A later attempt may succeed."""

    code = "incomplete"
    is_retriable = True


class InvalidAnswer(FetchFailed):
    """The server answers in a way that no file can be taken from: check that the address is that of a file."""

    code = "invalid_answer"
