"""Which changes of the learning platform's tables refresh which rows of its tabs."""

from sheets_pipeline.sync.watch import Priority, Watch, watched_tables

_UPDATE = ("update",)

USER_PROFILES = (
    Watch("users", ("id",), columns=("full_name", "email", "joined_at", "last_login_at"), entity="user"),
    Watch("enrollments", ("user_id",), columns=("course_id",), entity="enrollment"),
    Watch("course_completions", ("user_id",), columns=("course_id",), entity="course_completion"),
    Watch("quiz_responses", ("user_id",), columns=("quiz_id", "score", "submitted_at"), entity="quiz_response"),
    # the best course is shown by its title
    Watch(
        "courses",
        keys_sql="SELECT r.user_id FROM quizzes q JOIN quiz_responses r ON r.quiz_id = q.id WHERE q.course_id = :id",
        columns=("title",),
        operations=_UPDATE,
        entity="course",
    ),
    Watch(
        "quizzes",
        keys_sql="SELECT user_id FROM quiz_responses WHERE quiz_id = :id",
        columns=("course_id",),
        operations=_UPDATE,
        entity="quiz",
    ),
)

COURSE_STATISTICS = (
    Watch("courses", ("id",), columns=("title",), entity="course"),
    Watch("enrollments", ("course_id",), columns=("user_id",), entity="enrollment"),
    Watch("course_completions", ("course_id",), columns=("user_id",), entity="course_completion"),
    Watch(
        "quiz_responses",
        keys_sql="SELECT course_id FROM quizzes WHERE id = :quiz_id",
        columns=("user_id", "score", "passed", "submitted_at"),
        entity="quiz_response",
    ),
    # a quiz shows only through its responses, so its creation changes nothing
    Watch("quizzes", ("course_id",), columns=("kind",), operations=("update", "delete"), entity="quiz"),
)

TRANSCRIPT_REQUESTS = (
    Watch(
        "transcript_requests",
        ("id",),
        columns=("user_id", "course_id", "status", "pdf_generate", "requested_at", "updated_at"),
        priority=Priority.URGENT,
        entity="transcript_request",
    ),
    Watch(
        "users",
        keys_sql="SELECT id FROM transcript_requests WHERE user_id = :id",
        columns=("full_name",),
        operations=_UPDATE,
        entity="user",
    ),
    Watch(
        "courses",
        keys_sql="SELECT id FROM transcript_requests WHERE course_id = :id",
        columns=("title",),
        operations=_UPDATE,
        entity="course",
    ),
)

QUIZ_RESPONSES = (
    Watch(
        "quiz_responses",
        ("id",),
        columns=("user_id", "quiz_id", "score", "passed", "submitted_at", "answer"),
        entity="quiz_response",
    ),
    Watch(
        "users",
        keys_sql="SELECT id FROM quiz_responses WHERE user_id = :id",
        columns=("full_name",),
        operations=_UPDATE,
        entity="user",
    ),
    Watch(
        "courses",
        keys_sql="SELECT r.id FROM quizzes q JOIN quiz_responses r ON r.quiz_id = q.id WHERE q.course_id = :id",
        columns=("title",),
        operations=_UPDATE,
        entity="course",
    ),
    Watch(
        "quizzes",
        keys_sql="SELECT id FROM quiz_responses WHERE quiz_id = :id",
        columns=("title", "kind", "course_id"),
        operations=_UPDATE,
        entity="quiz",
    ),
)

#: What `db install` watches where these four tabs are all there is.
WATCHED = watched_tables(
    {
        "UserProfiles": USER_PROFILES,
        "course_statistics": COURSE_STATISTICS,
        "TranscriptRequests": TRANSCRIPT_REQUESTS,
        "quiz_responses": QUIZ_RESPONSES,
    }
)
