"""Where Dagster's own configuration is found, and where people's declarations are."""

import os
from pathlib import Path

from sheets_pipeline.errors import SettingsError
from sheets_pipeline.settings import load_settings

#: What the package brings: the same files as in the project's folder.
DEFAULTS = Path(__file__).parent / "defaults"


def dagster_home() -> Path:
    """The folder of the ``dagster.yaml`` in force: DAGSTER_HOME, this folder, the project's, or what the package brings.

    It is only read. ``dev`` copies it to where Dagster may write, under LOCAL_DATA_DIR.
    """
    if home := os.environ.get("DAGSTER_HOME"):
        return Path(home)
    folders = (Path.cwd(), Path(__file__).parents[1])
    return next((folder for folder in folders if (folder / "dagster.yaml").exists()), DEFAULTS)


def project_folder() -> Path | None:
    """The folder whose ``tabs/`` declares the tabs: PROJECT_DIR, else this one where it has any; None for the demo's.

    Raises:
        SettingsError: PROJECT_DIR is no such folder.
    """
    chosen = load_settings().project_dir
    folder = (chosen or Path.cwd()).resolve()
    if (folder / "tabs").is_dir() or (chosen is not None and (folder / "sources").is_dir()):
        return folder
    if chosen is not None:
        raise SettingsError(
            f"PROJECT_DIR is {str(chosen)!r}: expected a folder that holds a folder tabs/ or sources/, found none there. "
            "Make it, or correct the setting."
        )
    return None


def sources_folder() -> Path | None:
    """The folder whose ``sources/`` declares the sources: PROJECT_DIR, else this one; None where it has none."""
    folder = (load_settings().project_dir or Path.cwd()).resolve()
    return folder if (folder / "sources").is_dir() else None
