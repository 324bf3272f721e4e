"""Where Dagster's own configuration is found."""

import os
from pathlib import Path

from sheets_pipeline.errors import SettingsError


def dagster_home() -> Path:
    """The folder of the ``dagster.yaml`` in force: DAGSTER_HOME, this folder, or the project's."""
    if home := os.environ.get("DAGSTER_HOME"):
        return Path(home)
    for folder in (Path.cwd(), Path(__file__).parents[1]):
        if (folder / "dagster.yaml").exists():
            return folder
    raise SettingsError(
        f"There is no dagster.yaml in {Path.cwd()}. Run the command in the project's folder, or set DAGSTER_HOME."
    )
