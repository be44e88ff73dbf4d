"""The demo's files as an agency's server would publish them."""

import ftplib
from pathlib import Path

import pytest

from infra.local import demo_files, process
from tests.infra.test_front import Recording, ask

AIRPORTS = (demo_files.FOLDER / "airports.csv").read_bytes()


def test_a_file_is_sent_once_and_then_only_when_it_has_changed():
    first = ask(Recording(), "GET", "/_local/demo/airports.csv")
    assert (first.status_code, first.content) == (200, AIRPORTS)
    again = ask(Recording(), "GET", "/_local/demo/airports.csv", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = ask(Recording(), "GET", "/_local/demo/airports.csv", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


@pytest.mark.parametrize("name", ["none.csv", "README.md", "__main__.py", "../README.md", "%2e%2e/README.md", ""])
def test_nothing_else_is_published(name: str):
    assert ask(Recording(), "GET", f"/_local/demo/{name}").status_code == 404


def test_the_same_file_is_there_over_ftp(tmp_path: Path):
    (tmp_path / "airports.csv").write_bytes(AIRPORTS)
    listening = process.bind(0)
    demo_files.serve_ftp(listening, folder=tmp_path)
    with ftplib.FTP() as ftp:
        ftp.connect(*listening.getsockname())
        ftp.login()
        chunks: list[bytes] = []
        ftp.retrbinary("RETR airports.csv", chunks.append)
        assert b"".join(chunks) == AIRPORTS
        with pytest.raises(ftplib.error_perm):
            ftp.delete("airports.csv")
