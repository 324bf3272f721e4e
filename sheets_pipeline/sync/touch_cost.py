"""When writing a whole tab is cheaper than writing the rows that events touched: a pure rule with measured constants.

Both ways write the same cells in the same number of requests. They differ in what they compute and read: an event sync
asks the database for named rows and reads header and key columns; a full sync computes all rows and reads all columns,
and repairs drift on the way. ``docs/use/events.md`` has the measurement behind the share.
"""

#: From this share of a tab's rows on, both cost the same, and the full sync does more for it.
FULL_FROM_SHARE = 0.5

#: Fewer rows than this cost next to nothing either way; nobody need count the tab's rows for them.
FEW_ROWS = 1_000


def is_full_cheaper(touched: int, rows: int) -> bool:
    """Whether to write the whole tab.

    Args:
        touched: Rows that events touched.
        rows: Rows of ours in the tab.
    """
    return touched >= FEW_ROWS and touched >= rows * FULL_FROM_SHARE
