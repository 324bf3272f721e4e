"""The demo learning platform: tables, queries, demo data, learners who submit quizzes."""
