"""The settings of the learning platform's own tabs."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class PlatformSettings(BaseSettings):
    """Which of the four tabs are kept, and how large one may grow; read as the engine's settings are."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    sync_enable_user_profiles: bool = Field(True, description="Keep the tab UserProfiles.")
    sync_enable_course_stats: bool = Field(True, description="Keep the tab course_statistics.")
    sync_enable_quiz_responses: bool = Field(True, description="Keep the tab quiz_responses.")
    sync_enable_transcript_requests: bool = Field(True, description="Keep the tab TranscriptRequests.")
    sync_quiz_responses_max_rows: int = Field(
        20_000,
        ge=100,
        le=1_000_000,
        description="Rows in the tab quiz_responses before older ones move to monthly archive tabs.",
    )
