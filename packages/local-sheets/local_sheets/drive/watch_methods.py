"""Drive's methods ``changes``, ``channels`` and ``files.watch``."""

from local_sheets.drive import changes
from local_sheets.drive.access import FILE_FIELDS, Access, DriveAnswer, DriveCall, check_drive
from local_sheets.drive.channels import read_channel
from local_sheets.drive.errors import DriveError
from local_sheets.drive.notifier import Notifier
from local_sheets.drive.resources import read_fields

_CHANGE_FIELDS = f"kind,changeType,type,time,removed,fileId,file({FILE_FIELDS})"


class WatchMethods:
    """One method of the API each."""

    def __init__(self, access: Access, notifier: Notifier) -> None:
        self._access, self._notifier = access, notifier

    async def start_page_token(self, call: DriveCall) -> DriveAnswer:
        check_drive(call)
        found = {"kind": "drive#startPageToken", "startPageToken": changes.start_page_token(self._access)}
        return DriveAnswer(200, read_fields(call.query.get("fields"), "StartPageToken", "*").pick(found))

    async def list_changes(self, call: DriveCall) -> DriveAnswer:
        check_drive(call)
        default = f"kind,nextPageToken,newStartPageToken,changes({_CHANGE_FIELDS})"
        mask = read_fields(call.query.get("fields"), "ChangeList", default)
        return DriveAnswer(200, mask.pick(changes.change_list(self._access, call)))

    async def watch_changes(self, call: DriveCall) -> DriveAnswer:
        check_drive(call)
        changes.read_token(call)
        return self._watch(call, None)

    async def watch_file(self, call: DriveCall, file_id: str) -> DriveAnswer:
        self._access.head(file_id, call.caller)
        return self._watch(call, file_id)

    def _watch(self, call: DriveCall, file_id: str | None) -> DriveAnswer:
        mask = read_fields(call.query.get("fields"), "Channel", "*")
        query = {
            name: text
            for name, text in call.query.items()
            if name not in ("fields", "prettyPrint", "access_token", "key")
        }
        channel = read_channel(call.json(), call.caller, file_id, query)
        if channel.id in self._notifier:
            raise DriveError(400, "Channel id not unique", "channelIdNotUnique")
        self._notifier.add(channel)
        return DriveAnswer(200, mask.pick(channel.resource()))

    async def stop(self, call: DriveCall) -> DriveAnswer:
        body = call.json()
        channel_id, resource_id = (body.get(name) for name in ("id", "resourceId"))
        if not (isinstance(channel_id, str) and isinstance(resource_id, str)):
            raise DriveError(400, "Required fields: id, resourceId", "required")
        if not self._notifier.remove(channel_id, resource_id, call.caller):
            raise DriveError(404, f"Channel '{channel_id}' not found for project 'local-sheets'", "notFound")
        return DriveAnswer(204)
