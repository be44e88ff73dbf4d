"""The README's commands, as they stand there: only host and key are put in."""

import os
import re
import subprocess
from pathlib import Path

from tests.system.conftest import Product

README = Path(__file__).parent.parent.parent / "README.md"
HOST = "http://127.0.0.1:8000/api"


def test_the_commands_of_the_readme_do_what_it_says(product: Product) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    assert HOST in blocks[0]
    script = "\n".join(f"echo '--- {n}'\n{block}" for n, block in enumerate(blocks)).replace(HOST, product.base_url)
    environment = {**os.environ, "FRESHWIRE_API_KEY": product.api_key}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    said = re.split(r"--- \d\n", done.stdout)[1:]
    assert '{"detail":"ok"}' in said[0]
    assert "/push/1.0/greetings/realtime/push/?pushkey=" in said[0]
    assert said[1].count('{"status": "OK"}') == 2
    assert all(text in said[1] for text in ("Hello World!", "¡Hola Mundo!", "Hallo Welt!", '"total_count":3'))
    assert said[2].count('{"status": "OK"}') == 2
    assert '"loans":2' in said[2]
    assert '"loans":1' not in said[2]
    assert said[3] == '{"status": "OK"}' * 2
    assert '"error_code":"missing_unique_key"' in said[4]
    assert said_again(blocks[0] + blocks[2], environment, product) == ["greetings", "library-books"]


def said_again(script: str, environment: dict[str, str], product: Product) -> list[str]:
    """The datasets that the service says are there already, which must be all that the script says."""
    command = ["bash", "-c", script.replace(HOST, product.base_url)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 2
    return re.findall(r'"message":"dataset_id: there is already a dataset \'([\w-]+)\'', done.stderr)
