"""The code servers of ``sheets-pipeline dev``: one for each code location of ``workspace.yaml``.

``dagster code-server start`` keeps a process that holds the code and replaces that when somebody reloads the location. It
listens on a socket in a private folder: whoever can talk to a code server can run code.
"""

import hashlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sheets_pipeline.errors import SettingsError

#: Entries of ``load_from`` for code that is loaded here, the field that names the code, and the option for it.
_TARGETS = {
    "python_module": ("module_name", "--module-name"),
    "python_package": ("package_name", "--package-name"),
    "python_file": ("relative_path", "--python-file"),
    "autoload_defs_module": ("module_name", "--autoload-defs-module-name"),
}
#: Longest path of a socket, in bytes. Source: man 7 unix (108 with the closing zero; 104 on macOS).
_LONGEST_SOCKET = 100


@dataclass(frozen=True)
class CodeLocation:
    """A code location that a code server of ours serves."""

    name: str
    command: list[str]
    socket: Path


def read_workspace(file: Path, sockets: Path) -> tuple[list[CodeLocation], list[dict[str, Any]]]:
    """The locations to serve, and all entries of a workspace file that reaches them through their sockets.

    Raises:
        SettingsError: The file is missing or cannot be understood.
    """
    try:
        entries = (yaml.safe_load(file.read_text()) or {}).get("load_from")
    except (OSError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise SettingsError(f"{file} cannot be read as a workspace of Dagster: {error}") from None
    if not isinstance(entries, list) or not entries:
        raise SettingsError(f"{file} names no code location: expected a list under load_from.")
    locations: list[CodeLocation] = []
    reached: list[dict[str, Any]] = []
    for number, entry in enumerate(entries):
        [(kind, target)] = entry.items()
        if kind not in _TARGETS:
            reached.append(entry)
            continue
        location = _location(kind, target, file.parent, sockets / f"code{number}.sock")
        locations.append(location)
        reached.append({"grpc_server": {"socket": str(location.socket), "location_name": location.name}})
    return locations, reached


def _location(kind: str, target: Any, folder: Path, socket: Path) -> CodeLocation:
    field, option = _TARGETS[kind]
    attributes = target if isinstance(target, dict) else {field: target}
    code = str(folder / attributes[field]) if kind == "python_file" else str(attributes[field])
    name = str(attributes.get("location_name") or (Path(code).name if kind == "python_file" else code))
    command = [str(attributes.get("executable_path") or sys.executable), "-m", "dagster", "code-server", "start"]
    command += ["--socket", str(socket), "--location-name", name, option, code]
    if working_directory := attributes.get("working_directory"):
        command += ["--working-directory", str(folder / working_directory)]
    if attribute := attributes.get("attribute"):
        command += ["--attribute", str(attribute)]
    return CodeLocation(name, command, socket)


def socket_folder(data_dir: Path) -> Path:
    """A private folder for sockets: beside the data, or where its path is too long, among the temporary files.

    Raises:
        SettingsError: Somebody else has made the folder among the temporary files.
    """
    folder = data_dir / "dagster" / "sockets"
    if len(str(folder / "code00.sock").encode()) > _LONGEST_SOCKET:
        name = hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"sheets-pipeline-{name}-sockets"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise SettingsError(f"{folder} is not ours. Remove it, or set LOCAL_DATA_DIR to a shorter path.")
    folder.chmod(0o700)
    return folder
