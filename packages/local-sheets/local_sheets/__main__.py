"""``local-sheets``, or ``python -m local_sheets``: a Google Sheets of one's own, on this machine.

``local-sheets replay`` is a command beside the server: see ``replay/command.py``.
"""

import argparse
import sys
from pathlib import Path


def new_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        prog="local-sheets",
        description="A server that speaks the Google Sheets v4 API, with a page to look at the spreadsheets.",
        epilog="local-sheets replay DIR plays recordings of Google to it: see local-sheets replay --help.",
    )
    parser.add_argument("--port", type=int, default=8099, help="port to listen on; 0 takes a free one (default: 8099)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(".local/sheets"),
        help="where spreadsheets, keys and secrets are kept; one server at a time (default: %(default)s)",
    )
    parser.add_argument(
        "--quota",
        default="on",
        help="requests per minute: on (Google's: 60 reads and 60 writes per user, 300 and 300 per project), off, "
        "or such as reads=60,writes=60,project_reads=300,project_writes=300 (default: on)",
    )
    parser.add_argument(
        "--auth",
        choices=("service-account", "off"),
        default="service-account",
        help="who may call (default: %(default)s)",
    )
    parser.add_argument(
        "--latency", type=float, default=0, metavar="MS", help="milliseconds to wait before each answer of the API"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this host name beside the own address and localhost; may be repeated",
    )
    parser.add_argument(
        "--on-edit-url",
        "--announce-url",
        dest="announce_url",
        metavar="URL",
        help="POST a message to this address for each edit that a person makes on the page",
    )
    parser.add_argument(
        "--site",
        default="https://docs.google.com",
        metavar="URL",
        help="start of spreadsheetUrl in answers (default: Google's, as Google answers)",
    )
    parser.add_argument(
        "--apps-script-limits",
        default="on",
        metavar="LIMITS",
        help="of the spreadsheets' scripts: on (30 at once, 30 s for simple triggers, 6 min for others), consumer or workspace "
        "(with Google's limits per day, too), then single ones such as fetches_per_day=100 (default: %(default)s)",
    )
    parser.add_argument(
        "--notify-after",
        type=float,
        default=10,
        metavar="SECONDS",
        help="tell Drive's channels (files.watch, changes.watch) of changes so much later, several in one; 0 is at once "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--stop-with-parent", action="store_true", help="stop when the process that started the server is gone"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the server; the exit code is 0 after a stop, 1 when it cannot start, 2 when called wrongly."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["replay"]:
        from local_sheets.replay.command import main as replay

        return replay(words[1:])
    parser = new_parser()
    given = parser.parse_args(words)
    from local_sheets.page.announcer import checked_url
    from local_sheets.server.context import Options
    from local_sheets.server.quota import parse_limits
    from local_sheets.server.run import CannotStart, run
    from local_sheets.server.script_limits import parse_script_limits

    if given.notify_after < 0:
        parser.error("--notify-after: expected 0 or more seconds")
    try:
        limits = parse_limits(given.quota)
        script_limits = parse_script_limits(given.apps_script_limits)
        announce_url = checked_url(given.announce_url)
    except ValueError as error:
        parser.error(str(error))
    options = Options(
        data_dir=given.data_dir,
        host=given.host,
        port=given.port,
        limits=limits,
        auth=given.auth == "service-account",
        latency_seconds=given.latency / 1000,
        allowed_hosts=tuple(given.allow_host),
        announce_url=announce_url,
        site=given.site.rstrip("/"),
        script_limits=script_limits,
        notify_after_seconds=given.notify_after,
        stop_with_parent=given.stop_with_parent,
    )
    try:
        run(options)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
