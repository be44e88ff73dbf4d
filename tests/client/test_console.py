"""What is written to standard output can be read by whoever reads it."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import freshwire_client
from freshwire_client.console import Console
from tests.client.conftest import Serve
from tests.client.service import BATCH_ID, Reply
from tests.client.shell import using

CLIENT = Path(freshwire_client.__file__).parent.parent


@pytest.mark.parametrize(
    ("encoding", "text", "written"),
    [
        ("utf-8", "é漢😀", "é漢😀"),
        ("utf-8", "a\ud800", "a\\ud800"),
        ("cp1252", "é漢😀", "\\u00e9\\u6f22\\ud83d\\ude00"),
        ("ascii", "é", "\\u00e9"),
    ],
)
def test_data_is_utf8_or_escaped_as_json_is(encoding: str, text: str, written: str) -> None:
    content = io.BytesIO()
    out = io.TextIOWrapper(content, encoding=encoding, newline="")
    Console(out, io.StringIO()).put(f'{{"t": "{text}"}}')
    assert content.getvalue().decode() == f'{{"t": "{written}"}}\n'
    assert json.loads(content.getvalue()) == {"t": text}


def test_a_receipt_is_shown_where_the_output_cannot_take_all_letters(serve: Serve) -> None:
    service = serve(Reply(body={"ignored_fields": ["漢"]}))
    command = [sys.executable, "-m", "freshwire_client", "batches", BATCH_ID]
    environment = {**os.environ, **using(service), "PYTHONPATH": str(CLIENT), "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {"ignored_fields": ["漢"]}
