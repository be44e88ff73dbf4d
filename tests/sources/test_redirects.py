"""Redirects are followed, but neither in circles, nor into private networks, nor with the credentials of another."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.sources.address_guard import AddressGuard, dial
from chalicelib.sources.failures import AddressRefused, FileNotThere, RedirectRefused
from chalicelib.sources.redirects import Trail
from chalicelib.sources.remote_url import parsed_url
from chalicelib.sources.timed_socket import TimedSocket
from tests.sources.web import LOCAL, PUBLIC, Site, a_site, a_source, fetched, redirect, reply, resolving

SECRET = "hunter2"
BASIC = {"type": "basic_auth", "username": "reader", "password": SECRET}
OWN = [{"name": "X-Api-Key", "value": SECRET}, {"name": "Cookie", "value": f"a={SECRET}"}]


@pytest.fixture
def other() -> Iterator[Site]:
    with a_site() as running:
        yield running


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("location", ["/b.csv", "b.csv", "?x=1&y=%20", "//{host}/b.csv", "{base}/b.csv#top"])
def test_a_redirect_is_followed_and_its_own_body_is_not_content(site: Site, status: str, location: str) -> None:
    to = location.format(host=f"127.0.0.1:{site.port}", base=site.base)
    site.routes["/a.csv"] = lambda request: (
        redirect(to, status)(request) if request.path == "/a.csv" else reply(b"content")(request)
    )
    site.routes["/b.csv"] = reply(b"content")
    came, content = fetched(f"{site.base}/a.csv")
    assert content == b"content"
    assert came.filename == ("a.csv" if "?" in location else "b.csv")


@pytest.mark.parametrize("location", ["/b%C3%BC.csv", "/b\xc3\xbc.csv"])
def test_a_location_may_be_encoded_or_not(site: Site, location: str) -> None:
    line = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
    site.routes["/a"] = lambda request: request.write(line)
    site.routes["/b%C3%BC.csv"] = reply(b"content")
    assert fetched(f"{site.base}/a")[1] == b"content"


def test_five_redirects_are_followed_and_a_sixth_is_not(site: Site) -> None:
    for number in range(6):
        site.routes[f"/{number}"] = redirect(f"/{number + 1}?token={SECRET}")
    site.routes["/6"] = reply(b"content")
    assert fetched(f"{site.base}/1")[1] == b"content"
    with pytest.raises(RedirectRefused, match=r"more than 5 redirects, the last to .*/6\b") as failed:
        fetched(f"{site.base}/0")
    assert SECRET not in str(failed.value)
    assert not failed.value.is_retriable


def test_a_circle_is_named(site: Site) -> None:
    site.routes["/a"] = redirect(f"/b?token={SECRET}")
    site.routes["/b"] = redirect("/c")
    site.routes["/c"] = redirect(f"/b?token={SECRET}")
    with pytest.raises(RedirectRefused, match=r"in a circle: \S+/b → \S+/c → \S+/b") as failed:
        fetched(f"{site.base}/a")
    assert SECRET not in str(failed.value)
    site.routes["/a"] = redirect("/a")
    with pytest.raises(RedirectRefused, match=r"in a circle: \S+/a → \S+/a"):
        fetched(f"{site.base}/a")


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://files.example/a", "data:text/csv,a", "javascript:1", "gopher://h.example/1", "http://",
     "http://[bad/", "http://h.example:99999/", "http://0x7f.1/", "http://a b/", ""],
)  # fmt: skip
def test_a_redirect_to_what_is_no_web_address_is_refused(site: Site, location: str) -> None:
    site.routes["/a"] = redirect(location)
    with pytest.raises(RedirectRefused) as failed:
        fetched(f"{site.base}/a?token={SECRET}")
    assert f"{site.base}/a" in str(failed.value)
    assert SECRET not in str(failed.value)


def through(site: Site, *public: str) -> AddressGuard:
    """A guard for production, except that what it allowed leads to the site."""

    def to_site(family: int, address: Any, seconds: float) -> TimedSocket:
        return dial(2, ("127.0.0.1", site.port), seconds)

    names = {name: PUBLIC for name in public} | {"private.example": "10.0.0.1", "127.0.0.1": "127.0.0.1"}
    return AddressGuard(
        resolve=resolving(names={**names, "::1": "::1", "169.254.169.254": "169.254.169.254"}), dial=to_site
    )


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:{port}/b", "http://[::1]/b", "http://private.example/", "http://169.254.169.254/latest"],
)
def test_a_redirect_into_a_private_network_is_refused(site: Site, location: str) -> None:
    site.routes["/a"] = redirect(location.format(port=site.port))
    with pytest.raises(AddressRefused, match=r"redirected from http://public\.example/a") as failed:
        fetched(f"http://public.example/a?token={SECRET}", guard=through(site, "public.example"))
    assert SECRET not in str(failed.value)
    assert site.paths == [f"/a?token={SECRET}"]


def test_a_name_that_turns_private_between_two_redirects_is_refused(site: Site) -> None:
    site.routes["/a"] = redirect("/b")
    guard = through(site)
    flipping = AddressGuard(resolve=resolving(PUBLIC, "127.0.0.1"), dial=guard.dial)
    with pytest.raises(AddressRefused):
        fetched("http://rebinding.example/a", guard=flipping)
    assert site.paths == ["/a"]


def test_the_host_header_keeps_the_name(site: Site) -> None:
    site.routes["/a"] = reply()
    fetched("http://public.example./a", guard=through(site, "public.example"))
    assert site.asked[0].headers["Host"] == "public.example"


def test_credentials_stay_with_their_server(site: Site, other: Site) -> None:
    site.routes["/a"] = redirect("/b")
    site.routes["/b"] = redirect(f"{other.base}/c")
    other.routes["/c"] = redirect(f"{site.base}/d")
    site.routes["/d"] = reply(b"content")
    assert fetched(a_source(f"{site.base}/a", auth=BASIC, headers=OWN))[1] == b"content"
    seen = {
        request.path: SECRET in str(request.headers) or "Authorization" in request.headers for request in site.asked
    }
    assert seen == {"/a": True, "/b": True, "/d": False}  # once away, coming back does not make up for it
    (elsewhere,) = other.asked
    assert not {"authorization", "cookie", "x-api-key"} & {name.lower() for name in elsewhere.headers}


def test_credentials_do_not_go_to_another_name_of_the_same_server(site: Site) -> None:
    guard = AddressGuard(allow_private=True, resolve=resolving("127.0.0.1"), dial=LOCAL.dial)
    site.routes["/a"] = redirect(f"http://b.example:{site.port}/b")
    site.routes["/b"] = reply()
    fetched(a_source(f"http://a.example:{site.port}/a", auth=BASIC, headers=OWN), guard=guard)
    assert ["Authorization" in request.headers for request in site.asked] == [True, False]


def test_credentials_in_a_location_are_not_used(site: Site) -> None:
    site.routes["/a"] = redirect(f"http://reader:{SECRET}@127.0.0.1:{site.port}/b")
    site.routes["/b"] = reply(status="404 Not Found")
    with pytest.raises(FileNotThere) as failed:
        fetched(f"{site.base}/a")
    assert "Authorization" not in site.asked[1].headers
    assert SECRET not in str(failed.value)


@pytest.mark.parametrize(
    ("start", "location", "is_home"),
    [
        ("https://h.example/a", "/b", True),
        ("https://h.example/a", "https://h.example:443/b", True),
        ("https://h.example/a", "https://H.EXAMPLE./b", True),
        ("http://h.example/a", "https://h.example/b", True),
        ("https://h.example/a", "http://h.example/b", False),
        ("https://h.example/a", "https://h.example:8443/b", False),
        ("http://h.example:8080/a", "https://h.example/b", False),
        ("http://h.example/a", "https://h.example:8443/b", False),
        ("https://h.example/a", "https://www.h.example/b", False),
        ("https://h.example/a", "https://h.example.evil.example/b", False),
        ("https://h.example/a", "https://h.example@evil.example/b", False),
        ("https://h.example/a", "//evil.example/b", False),
        ("https://h.example/a", r"https:\\evil.example/b", True),  # a path, to us
    ],
)
def test_home_is_the_same_server_or_its_secure_twin(start: str, location: str, is_home: bool) -> None:
    trail = Trail(parsed_url(start, ("http", "https")))
    trail.follow(location, most=5)
    assert trail.is_home == is_home
    assert is_home <= (trail.here.host == "h.example")


def test_the_tag_of_a_file_counts_where_the_redirects_end(site: Site) -> None:
    site.routes["/latest"] = redirect("/2024.csv")
    site.routes["/2024.csv"] = lambda request: (
        reply(status="304 Not Modified")(request)
        if request.headers["If-None-Match"] == '"v1"'
        else reply(b"content", headers={"ETag": '"v1"'})(request)
    )
    first, _ = fetched(f"{site.base}/latest")
    assert fetched(f"{site.base}/latest", validators=first.validators)[0].is_unchanged
    assert "If-None-Match" not in site.asked[2].headers
    site.routes["/latest"] = redirect("/2025.csv")
    site.routes["/2025.csv"] = reply(b"new", headers={"ETag": '"v1"'})
    assert fetched(f"{site.base}/latest", validators=first.validators)[1] == b"new"
