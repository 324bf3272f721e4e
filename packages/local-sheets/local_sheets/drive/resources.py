"""A spreadsheet or folder as Drive shows it, in version 3 and 2 of its API.

See https://developers.google.com/workspace/drive/api/reference/rest/v3/files#File
"""

from collections.abc import Mapping
from typing import Any

from local_sheets.discovery import load_document
from local_sheets.drive.errors import DriveError, invalid_value
from local_sheets.drive.export import CSV, LEFT_OUT, TSV, XLSX
from local_sheets.drive.permissions import may, permission_resource, role_of
from local_sheets.field_mask import FieldMaskError, Mask, parse_mask
from local_sheets.sharing import LOCAL_OWNER, permission_id

SPREADSHEET = "application/vnd.google-apps.spreadsheet"
FOLDER = "application/vnd.google-apps.folder"
#: The folder that holds what was put nowhere else; ``root`` is another name of it.
ROOT_ID = "0ALocalSheetsRootUk9PVA"

#: What a file's own data (``Spreadsheet.file``) may hold besides times.
KEPT = ("parents", "description", "starred", "trashed", "appProperties", "properties")

_SITE = "https://docs.google.com/spreadsheets/d"
_EXPORT = "https://docs.google.com/spreadsheets/export"
_EXPORT_NAMES = {CSV: "csv", TSV: "tsv", XLSX: "xlsx", "application/pdf": "pdf", "application/zip": "zip"}


def file_resource(file_id: str, head: Mapping[str, Any], caller: str | None) -> dict[str, Any]:
    """The API's ``File`` with all that we know; ``head`` has ``properties``, ``permissions`` and ``file``."""
    kept, permissions = head["file"], head["permissions"]
    mime_type = kept.get("mimeType", SPREADSHEET)
    role = role_of(permissions, caller)
    owners = [user_resource(p["emailAddress"], caller) for p in permissions if p["role"] == "owner"]
    owners = owners or [user_resource(LOCAL_OWNER, caller)]
    modifier = user_resource(kept["modifiedBy"], caller) if kept.get("modifiedBy") else owners[0]
    is_folder = mime_type == FOLDER
    link = f"https://drive.google.com/drive/folders/{file_id}" if is_folder else f"{_SITE}/{file_id}/edit?usp=drivesdk"
    return {
        "kind": "drive#file",
        "id": file_id,
        "name": head["properties"]["title"],
        "mimeType": mime_type,
        "starred": bool(kept.get("starred")),
        "trashed": bool(kept.get("trashed")),
        "explicitlyTrashed": bool(kept.get("trashed")),
        "spaces": ["drive"],
        "version": str(kept.get("version", 1)),
        "webViewLink": link,
        "createdTime": kept.get("createdTime"),
        "modifiedTime": kept.get("modifiedTime"),
        "modifiedByMe": modifier["me"],
        "lastModifyingUser": modifier,
        "owners": owners,
        "ownedByMe": role == "owner",
        "shared": len(permissions) > 1,
        "permissions": [permission_resource(permission) for permission in permissions],
        "permissionIds": [permission["id"] for permission in permissions],
        "capabilities": _capabilities(role),
        "exportLinks": {} if is_folder else export_links(file_id),
        "quotaBytesUsed": "0" if is_folder else "1024",
        **{name: kept[name] for name in ("description", "appProperties", "properties") if name in kept},
        **({} if file_id == ROOT_ID else {"parents": kept.get("parents") or [ROOT_ID]}),
        **({"modifiedByMeTime": kept.get("modifiedTime")} if modifier["me"] else {}),
        **({} if role == "owner" else {"sharedWithMeTime": kept.get("createdTime")}),
    }


def _capabilities(role: str | None) -> dict[str, bool]:
    edits, owns = may(role, "writer"), role == "owner"
    return {
        "canEdit": edits,
        "canComment": may(role, "commenter"),
        "canShare": edits,
        "canCopy": may(role, "reader"),
        "canDownload": may(role, "reader"),
        "canReadRevisions": edits,
        "canRename": edits,
        "canTrash": owns,
        "canDelete": owns,
    }


def user_resource(address: str, caller: str | None) -> dict[str, Any]:
    """The API's ``User``."""
    return {
        "kind": "drive#user",
        "displayName": address.partition("@")[0],
        "me": caller is None or address == caller,
        "permissionId": permission_id("user", address),
        "emailAddress": address,
    }


def export_links(file_id: str) -> dict[str, str]:
    """Where each format of a spreadsheet can be had, as Google lists them."""
    names = {mime_type: _EXPORT_NAMES.get(mime_type, "ods") for mime_type in (CSV, TSV, XLSX, *LEFT_OUT)}
    return {mime_type: f"{_EXPORT}?id={file_id}&exportFormat={name}" for mime_type, name in names.items()}


def read_fields(text: str | None, schema: str, default: str) -> Mask:
    """The ``fields`` of a request, or what the API shows without them; Drive does not mind spaces.

    Raises:
        DriveError: 400, a name is unknown.
    """
    if not text:
        return parse_mask(default)
    try:
        mask = parse_mask(text.replace(" ", ""))
        mask.check(load_document("drive.v3.json")["schemas"], schema)
    except FieldMaskError as error:
        raise _invalid_selection(error) from None
    return mask


def _invalid_selection(error: FieldMaskError) -> DriveError:
    name = error.paths[0].rpartition(".")[2]
    refusal = invalid_value("fields", f"Invalid field selection {name}")
    refusal.reason = "invalidParameter"
    return refusal


def file_resource_v2(file_id: str, head: Mapping[str, Any], caller: str | None, etag: str) -> dict[str, Any]:
    """Version 2's ``File``, as an upload is answered."""
    base = f"https://www.googleapis.com/drive/v2/files/{file_id}"
    found = file_resource(file_id, head, caller)
    users = [_user_v2(user) for user in found["owners"]]
    role, trashed = role_of(head["permissions"], caller) or "reader", found["trashed"]
    parent = found["parents"][0]
    own = {"id": "me", "type": "user", "role": role, "kind": "drive#permission", "pendingOwner": False}
    return {
        "kind": "drive#file",
        "id": file_id,
        "etag": etag,
        "title": found["name"],
        "mimeType": found["mimeType"],
        "selfLink": base,
        "iconLink": f"https://drive-thirdparty.googleusercontent.com/16/type/{found['mimeType']}",
        "alternateLink": found["webViewLink"],
        "embedLink": f"{_SITE}/{file_id}/htmlembed",
        "exportLinks": found["exportLinks"],
        "userPermission": {**own, "selfLink": f"{base}/permissions/me", "etag": etag},
        "owners": users,
        "ownerNames": [user["displayName"] for user in users],
        "lastModifyingUser": users[0],
        "lastModifyingUserName": users[0]["displayName"],
        "parents": [
            {
                "kind": "drive#parentReference",
                "id": parent,
                "isRoot": parent == ROOT_ID,
                "selfLink": f"{base}/parents/{parent}",
                "parentLink": f"https://www.googleapis.com/drive/v2/files/{parent}",
            }
        ],
        "labels": {
            "viewed": True,
            "restricted": False,
            "starred": found["starred"],
            "hidden": False,
            "trashed": trashed,
        },
        "explicitlyTrashed": trashed,
        "createdDate": found["createdTime"],
        "modifiedDate": found["modifiedTime"],
        "modifiedByMeDate": found["modifiedTime"],
        "lastViewedByMeDate": found["modifiedTime"],
        "markedViewedByMeDate": "1970-01-01T00:00:00.000Z",
        "editable": found["capabilities"]["canEdit"],
        "writersCanShare": True,
        "copyable": True,
        "copyRequiresWriterPermission": False,
        "shared": found["shared"],
        "appDataContents": False,
        "spaces": ["drive"],
        "fileSize": "1024",
        "quotaBytesUsed": "1024",
        "version": found["version"],
        "capabilities": {"canEdit": found["capabilities"]["canEdit"], "canCopy": True},
    }


def _user_v2(user: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": "drive#user",
        "displayName": user["emailAddress"],
        "isAuthenticatedUser": user["me"],
        "permissionId": user["permissionId"],
        "emailAddress": user["emailAddress"],
    }
