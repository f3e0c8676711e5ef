"""When people work: days, weeks, holidays and hours, counted from the first day of the sample.

A moment is a whole number of microseconds since 2025-10-01T00:00:00Z; a day is a whole number of days since then.
"""

from datetime import datetime, timedelta, timezone

FIRST = datetime(2025, 10, 1, tzinfo=timezone.utc)
LAST_SIGN_UP_DAY = 272  # 2026-06-30
LAST_DAY = 282  # 2026-07-10

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

AS_OF = (LAST_SIGN_UP_DAY + 1) * DAY  # 2026-07-01, of which the examples ask
MOST_RECENT = (LAST_DAY + 1) * DAY - 1

# Monday first.
WEEKDAYS = (1.04, 1.13, 1.11, 1.06, 0.88, 0.19, 0.16)
# Hours behind or ahead of UTC at which a region lives.
REGIONS = {"eu": 1, "us": -6, "apac": 8}
# How likely each hour of the local day is to begin a session.
HOURS = {7: 2, 8: 6, 9: 12, 10: 13, 11: 11, 12: 6, 13: 9, 14: 12, 15: 11, 16: 9, 17: 5, 18: 2, 20: 1.5, 21: 1.5}


def workload(day):
    """How much is done on a day, 1 being an ordinary one."""
    holiday = 0.3 if 82 <= day <= 93 else 1.0  # 2025-12-22 to 2026-01-02
    return WEEKDAYS[(FIRST.weekday() + day) % 7] * holiday


def moment_of(day, region, chance):
    """A moment of working time on a day of a region."""
    hour = chance.weighted(HOURS) - REGIONS[region]
    moment = day * DAY + hour * HOUR + chance.between(0, 3599) * SECOND + chance.between(0, 999_999)
    return max(moment, 0)


def to_datetime(moment):
    """A moment as Python's time in UTC."""
    return FIRST + timedelta(microseconds=moment)


def text(moment, digits=3, offset=None):
    """A moment as ISO 8601, with so many digits of a second, in UTC or at an offset in minutes."""
    time = to_datetime(moment)
    zone = "Z"
    if offset is not None:
        time += timedelta(minutes=offset)
        size = abs(offset)
        zone = f"{'-' if offset < 0 else '+'}{size // 60:02d}:{size % 60:02d}"
    fraction = f".{time.microsecond:06d}"[: digits + 1] if digits else ""
    return time.strftime("%Y-%m-%dT%H:%M:%S") + fraction + zone
