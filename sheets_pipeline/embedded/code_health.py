"""Whether the code servers of a running ``sheets-pipeline dev`` answer: without one no sync starts, whatever else lives."""

from sheets_pipeline.embedded.code_locations import socket_folder
from sheets_pipeline.embedded.dev_state import running_dev
from sheets_pipeline.embedded.probes import code_server_probe
from sheets_pipeline.embedded.supervision import Answer
from sheets_pipeline.settings import Settings

#: What to do where one does not.
REMEDY = (
    "No sync starts meanwhile. `sheets-pipeline dev` replaces a code server that ends or hangs within half a minute; if it "
    "stays so, look at the lines of `code` in its terminal."
)


def what_is_wrong(settings: Settings) -> str | None:
    """What does not answer, in words; None where all answer, or no ``dev`` runs for this data folder."""
    if not running_dev(settings):
        return None
    sockets = sorted(socket_folder(settings.local_data_dir.absolute()).glob("code*.sock"))
    answers = {socket.name: code_server_probe(str(socket))() for socket in sockets}
    silent = {name: answer for name, answer in answers.items() if answer is not Answer.OK}
    if not answers:
        return "no code location answers: its code server is not there (yet)"
    if silent:
        return "; ".join(f"the code location behind {name} {answer}" for name, answer in silent.items())
    return None
