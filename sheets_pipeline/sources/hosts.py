"""Where sources can be read: on every host, or on those alone that have the key of their credential (``hosts: LABEL``)."""

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.components.tab_asset import declared_credentials
from sheets_pipeline.errors import SourceProblem
from sheets_pipeline.pipeline import hosts_of, is_here
from sheets_pipeline.settings import Settings
from sheets_pipeline.sync.spreadsheet import DEFAULT, Credential


def credential_of(one: DeclaredSource) -> Credential:
    """What the source is read with.

    Raises:
        SourceProblem: It names a credential that is not declared.
    """
    name = one.source.credential if one.source is not None else DEFAULT
    declared = one.credential or declared_credentials().get(name)
    if declared is None and name != DEFAULT:
        raise SourceProblem(one.id, f"there is no credential {name!r}. Declare it, or correct the name.")
    return declared.credential if declared is not None else Credential()


def source_hosts(one: DeclaredSource, settings: Settings) -> str | None:
    """The label of the hosts that can read the source; None where all can, and where it cannot be used anywhere."""
    try:
        return hosts_of(credential_of(one), settings)
    except SourceProblem:  # the run that takes it says so
        return None


def why_not_here(one: DeclaredSource, settings: Settings) -> str | None:
    """Why the source cannot be read on this host; None where it can."""
    credential = credential_of(one)
    if is_here(credential, settings):
        return None
    return (
        f"the key of its credential {credential.name!r} is on hosts with the label {credential.hosts!r} (HOST_LABELS), and this "
        "one has no such label. The sensor due_sources has it read there."
    )
