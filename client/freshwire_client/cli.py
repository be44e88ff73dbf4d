"""The command line: what it takes, and what it exits with."""

from __future__ import annotations

import argparse
import codecs
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from freshwire_client import __version__, commands
from freshwire_client.batches import Limits
from freshwire_client.commands import API_KEY_VARIABLE, PUSH_KEY_VARIABLE, URL_VARIABLE, Surroundings
from freshwire_client.console import Console, hidden
from freshwire_client.errors import Failed
from freshwire_client.source_file import FORMATS

_EPILOG = f"""\
environment:
  {URL_VARIABLE}  the push URL, when --url is not given
  {PUSH_KEY_VARIABLE}  the push key, when the URL is given without it
  {API_KEY_VARIABLE}   an API key, for `tail` of a restricted dataset

The push key travels in a header, never in a URL, and is never shown.

exit status:
  0    done
  1    refused by the service, or failed: the message says why
  2    the command line is wrong
  130  interrupted (Ctrl-C)
"""


def main(arguments: Sequence[str] | None = None, around: Surroundings | None = None) -> int:
    """Run the command that the arguments ask for; its exit status."""
    around = around or Surroundings(os.environ, sys.stdin.buffer, Console(sys.stdout, sys.stderr))
    try:
        options = _parser().parse_args(arguments)
        around.console.is_quiet = options.quiet
        status: int = options.run(options, around)
    except Failed as failure:
        around.console.say(f"freshwire: {failure}")
        return failure.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # who reads our output has seen enough
        around.console.drop()
        return 1
    return status


class _Parser(argparse.ArgumentParser):
    """Shows no key that stands in a misplaced URL."""

    def error(self, message: str) -> NoReturn:
        super().error(hidden(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="freshwire",
        description="Push files to a Freshwire dataset, delete records, read receipts, follow what arrives.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"freshwire {__version__}")
    named = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_push(named)
    _add_delete(named)
    _add_batches(named)
    _add_tail(named)
    return parser


def _add_push(named: Any) -> None:
    command = _command(named, "push", commands.push, "push the records of a file, in its order")
    command.add_argument("file", metavar="FILE", help=_FILE_HELP)
    _add_file_options(command)


def _add_delete(named: Any) -> None:
    command = _command(named, "delete", commands.delete, "delete the records of a file, or some by their ids")
    chosen = command.add_mutually_exclusive_group(required=True)
    chosen.add_argument("file", metavar="FILE", nargs="?", help=f"{_FILE_HELP}; the unique-key fields suffice")
    chosen.add_argument(
        "--id", dest="record_ids", metavar="RECORD_ID", action="append", help="delete this record; may be repeated"
    )
    _add_file_options(command)


def _add_batches(named: Any) -> None:
    command = _command(named, "batches", commands.show_batches, "show the receipts of batches, as JSON lines")
    command.add_argument(
        "batch_ids", metavar="BATCH_ID", nargs="*", help="without any, the first word of each line of standard input"
    )


def _add_tail(named: Any) -> None:
    command = _command(named, "tail", commands.tail, "show the records that arrive, as JSON lines")
    command.add_argument("--once", action="store_true", help="show what arrived last and stop")
    command.add_argument("-n", "--lines", type=_count, default=10, help="records to begin with (default 10)")
    command.add_argument("--interval", type=_seconds, default=2.0, help="seconds between two looks (default 2)")
    command.add_argument("--where", metavar="CONDITION", help="only these records, as the reading API takes it")


def _command(named: Any, name: str, run: Callable[..., int], what: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = named.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    command.set_defaults(run=run)
    command.add_argument("--url", metavar="PUSH_URL", help=f"the resource's push URL (default: {URL_VARIABLE})")
    command.add_argument("--timeout", type=_seconds, default=60.0, help="seconds to wait for an answer (default 60)")
    command.add_argument(
        "--patience", type=_seconds, default=300.0, help="seconds to go on trying a busy service (default 300)"
    )
    command.add_argument("-q", "--quiet", action="store_true", help="show errors and rejected records only")
    return command


def _add_file_options(command: argparse.ArgumentParser) -> None:
    limits = Limits()
    add = command.add_argument
    add("--format", choices=FORMATS, help="what the file is, when its name does not tell")
    add("--delimiter", type=_delimiter, help="between the cells of a CSV file (default: the header tells); tab or \\t")
    add("--encoding", type=_encoding, default="utf-8", help="of the text in the file (default utf-8)")
    add("--batch-size", type=_positive, default=limits.records, metavar="RECORDS", help="at most (default 1000)")
    add("--batch-bytes", type=_positive, default=limits.size, metavar="BYTES", help="at most (default 4000000)")
    add("--gzip", action="store_true", help="send the bodies compressed")
    add("--lenient", action="store_true", help="store the good records of a batch and report the others")
    add("--receipts", action="store_true", help="write the id and the counts of each batch to standard output")
    add("--resume", action="store_true", help="go on where an interrupted transfer of the file stopped")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("it must be a whole number from 1 on")
    return int(text)


def _count(text: str) -> int:
    return 0 if text == "0" else _positive(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e9:
        raise argparse.ArgumentTypeError("it must be a number of seconds above 0")
    return seconds


def _delimiter(text: str) -> str:
    delimiter = "\t" if text in ("tab", "\\t") else text
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise argparse.ArgumentTypeError("it must be one character, or tab")
    return delimiter


def _encoding(text: str) -> str:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=text)  # refuses what encodes no text, such as hex
        return codecs.lookup(text).name
    except (LookupError, ValueError):
        raise argparse.ArgumentTypeError("Python knows no such encoding: utf-8, cp1252, latin-1 ...") from None


_FILE_HELP = "a .csv, .json or .jsonl file, also as .gz or in a .zip of its own; - for standard input"
