"""The one object Dagster loads; it only loads ``defs/``."""

import warnings

import dagster as dg

from sheets_pipeline.defs.freshness import with_descriptions
from sheets_pipeline.home import DEFAULTS
from sheets_pipeline.settings import load_settings

# Dagster says it of itself whenever it binds resources to a sensor.
warnings.filterwarnings("ignore", "Parameter `owners` of initializer `SensorDefinition", dg.BetaWarning)


@dg.definitions
def defs() -> dg.Definitions:
    """All assets, jobs, schedules, sensors and resources; settings first, so that a wrong one says so by itself."""
    settings = load_settings()
    loaded = dg.load_from_defs_folder(path_within_project=DEFAULTS)  # dg.toml is there
    return with_descriptions(loaded, settings)
