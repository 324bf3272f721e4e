"""Which collections of files a list is of: ``corpora``, ``spaces`` and shared drives, of which there are none here."""

from local_sheets.drive.access import DriveAnswer, DriveCall, check_drive, flag
from local_sheets.drive.errors import DriveError, invalid_value
from local_sheets.drive.resources import read_fields

_CORPORA = ("user", "domain", "drive", "allDrives", "default")
_SPACES = ("drive", "appDataFolder", "photos")


def has_files(call: DriveCall) -> bool:
    """Whether there are files in what a list is asked of.

    Raises:
        DriveError: 400 for what Drive does not know or parameters that do not go together, 404 for a shared drive.
    """
    corpora = call.query.get("corpora") or call.query.get("corpus") or "user"
    if corpora not in _CORPORA:
        raise invalid_value("corpora")
    is_asked = asks_for_drive(call)
    if corpora == "drive" and not (call.query.get("driveId") or call.query.get("teamDriveId")):
        raise DriveError(400, "The driveId parameter must be specified for corpora drive.", "required", "driveId")
    with_drives = flag(call, "includeItemsFromAllDrives") or flag(call, "includeTeamDriveItems")
    supports = flag(call, "supportsAllDrives") or flag(call, "supportsTeamDrives")
    if corpora in ("drive", "allDrives") and not with_drives:
        message = f"includeItemsFromAllDrives must be true for corpora {corpora}."
        raise DriveError(400, message, "badRequest", "includeItemsFromAllDrives")
    if with_drives and not supports:
        message = "includeItemsFromAllDrives needs supportsAllDrives."
        raise DriveError(400, message, "badRequest", "supportsAllDrives")
    check_drive(call)
    return is_asked


def asks_for_drive(call: DriveCall) -> bool:
    """Whether ``spaces`` has the one in which there are files here.

    Raises:
        DriveError: 400, one of them is unknown.
    """
    spaces = {space.strip() for space in (call.query.get("spaces") or "drive").split(",")}
    if not spaces <= set(_SPACES):
        raise invalid_value("spaces")
    return "drive" in spaces


async def list_drives(call: DriveCall) -> DriveAnswer:
    """drives.list: there are none."""
    mask = read_fields(call.query.get("fields"), "DriveList", "*")
    return DriveAnswer(200, mask.pick({"kind": "drive#driveList", "drives": []}))


async def get_drive(call: DriveCall, key: str) -> DriveAnswer:
    """drives.get

    Raises:
        DriveError: 404, as there are none.
    """
    raise DriveError(404, f"Shared drive not found: {key}", "notFound", "driveId")
