"""Ends what ``sheets-pipeline dev`` started when that is killed without a chance to do so itself.

Started by it as ``python -m sheets_pipeline.embedded.watchdog MARK DATA_DIR`` with a pipe as standard input, on which it
names its children, one id a line, and at an orderly end says ``done``. A pipe that ends without that word means it died.
"""

import signal
import sys
from pathlib import Path


def main(mark: str, data_dir: Path) -> None:
    """Wait for the pipe's end; clean up where nobody else has."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # whoever ends the whole terminal must not end this first
    words = [line.strip() for line in sys.stdin]
    if "done" in words:
        return
    from sheets_pipeline.embedded.services import stop_services
    from sheets_pipeline.processes.family import end_family
    from sheets_pipeline.settings import load_settings

    end_family(mark, [int(word) for word in words])
    stop_services(load_settings(local_data_dir=data_dir))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
