"""Where the connections of an FTP session go, and that TLS is on both of them."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from pyftpdlib.handlers import FTPHandler

from chalicelib.sources.address_guard import AddressGuard, dial
from chalicelib.sources.failures import AddressRefused, CertificateRefused, InvalidAnswer, RequestRefused, TlsFailed
from chalicelib.sources.timed_socket import TimedSocket
from tests.sources.ftp_servers import AUTH, Script, a_scripted_server, an_ftp_server, ftp_source
from tests.sources.web import PUBLIC, TABLE, a_source, fetched, resolving


@pytest.mark.parametrize("masquerade", ["10.0.0.1", PUBLIC])
def test_the_address_in_a_passive_answer_is_ignored(ftp_folder: Path, masquerade: str) -> None:
    only_pasv = {name: what for name, what in FTPHandler.proto_cmds.items() if name not in ("EPSV", "EPRT")}
    with an_ftp_server(ftp_folder, masquerade_address=masquerade, proto_cmds=only_pasv) as port:
        assert fetched(ftp_source(port))[1] == TABLE


def test_the_data_connection_goes_where_the_control_connection_went() -> None:
    dialed: list[str] = []

    def to_loopback(family: int, address: Any, seconds: float) -> TimedSocket:
        dialed.append(address[0])
        return dial(family, ("127.0.0.1", address[1]), seconds)

    guard = AddressGuard(resolve=resolving(PUBLIC, "10.0.0.1"), dial=to_loopback)
    script = Script(replies={"EPSV": "500 unknown", "PASV": "227 here (10,0,0,1,{high},{low})"})
    with a_scripted_server(script) as port:
        source = a_source(f"ftp://files.example:{port}", "ftp", relative_url="/books.csv")
        assert fetched(source, guard=guard)[1] == script.content
        assert dialed == [PUBLIC, "127.0.0.1"]  # the second is whom the first was really connected to
        with pytest.raises(AddressRefused):
            fetched(source, guard=guard)


@pytest.mark.parametrize(
    ("epsv", "pasv"),
    [
        ("229 here (|||0|)", ""), ("229 here (|||99999|)", ""), ("229 here (|||x|)", ""), ("229 here ((((1(", ""),
        ("200 here", ""), ("500 no", "227 nowhere"), ("500 no", "227 (1,2,3,4,999,1)"), ("500 no", "200 ok"),
        ("500 no", "227 (127,0,0,1,0,0)"),
    ],
)  # fmt: skip
def test_a_passive_answer_that_makes_no_sense_is_refused(epsv: str, pasv: str) -> None:
    script = Script(replies={"EPSV": epsv, "PASV": pasv})
    with a_scripted_server(script) as port, pytest.raises((InvalidAnswer, RequestRefused)):
        fetched(ftp_source(port))


@pytest.mark.parametrize("is_implicit", [False, True])
def test_the_data_connection_continues_the_tls_session(chain: tuple[Path, Path], is_implicit: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*chain)
    script = Script(tls=context, is_implicit=is_implicit)
    with a_scripted_server(script) as port:

        def to_script(family: int, address: Any, seconds: float) -> TimedSocket:
            return dial(family, (address[0], port if address[1] == 990 else address[1]), seconds)

        guard = AddressGuard(allow_private=True, dial=to_script)
        _, content = fetched(ftp_source(990 if is_implicit else port, scheme="ftps"), guard=guard, ca_file=chain[0])
    assert content == script.content
    assert script.sessions_continued == [True]
    assert script.commands[0] == ("USER anonymous" if is_implicit else "AUTH TLS")
    assert script.commands.index("PROT P") < script.commands.index("SIZE books.csv")
    assert script.commands.index("TYPE I") < script.commands.index("SIZE books.csv")


def test_no_password_is_sent_when_tls_is_refused() -> None:
    script = Script(replies={"AUTH": "502 no"})
    with a_scripted_server(script) as port, pytest.raises(TlsFailed) as failed:
        fetched(ftp_source(port, auth=AUTH, scheme="ftps"))
    assert script.commands == ["AUTH TLS"]
    assert not failed.value.is_retriable


def test_a_certificate_for_another_name_is_refused(ftps_port: int, chain: tuple[Path, Path]) -> None:
    guard = AddressGuard(allow_private=True, resolve=resolving("127.0.0.1"))
    for host, ca_file in (("other.example", chain[0]), ("files.example", None)):
        source = a_source(f"ftps://{host}:{ftps_port}", "ftp", AUTH, relative_url="/books.csv")
        with pytest.raises(CertificateRefused):
            fetched(source, guard=guard, ca_file=ca_file)


def test_what_came_before_tls_is_dropped(chain: tuple[Path, Path]) -> None:
    """Replies that someone slipped in before the encryption must not count as the server's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*chain)
    script = Script(tls=context, replies={"AUTH": "234 go on\r\n230 you are in"})
    with a_scripted_server(script) as port:
        assert fetched(ftp_source(port, scheme="ftps"), ca_file=chain[0])[1] == script.content
    assert "PASS anonymous@" in script.commands
