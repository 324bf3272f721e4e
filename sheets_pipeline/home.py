"""Where Dagster's own configuration is found."""

import os
from pathlib import Path

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
