"""What Milepost must compute from the real event logs, worked out without SQL and without Milepost.

A small interpreter of the definitions beside it: it reads `<project>/models/*.toml`, sorts the rows of each person, and walks
them one by one, as the language reference says in words. What the user writes in SQL is here a table of Python functions,
keyed by the SQL: a condition that is not in the table is an error, so a definition cannot change and its meaning stay.

    python expected.py [--data FOLDER] [--full FOLDER]

`--data` is the folder of the logs (default: $MILEPOST_REAL_DATA, else ../shared/data beside the repository).
`--full` writes the rows of every milestone there, to look at when a checksum in `expected/milestones.csv` differs.
"""

import argparse
import csv
import hashlib
import os
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import pandas

HERE = Path(__file__).resolve().parent
DEFAULT_DATA = HERE.parents[1].parent / "shared" / "data"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# The second moment is awkward on purpose: at it a commit happens (it must not count), and a window of 30 days ends (it must).
PROJECTS = {
    "contributors": {"expected": "2026-07-01T00:00:00Z", "expected_edge": "2023-01-09T18:09:12Z"},
    "contributors_xl": {"expected": "2026-07-01T00:00:00Z", "expected_edge": "2023-01-09T18:09:12Z"},
    "contributors_xl_keyless": {"expected": "2026-07-01T00:00:00Z"},
}

# Milestones whose rows are committed; of the others, a checksum of each column.
FULL = {
    "contributors": ["three_in_a_week", "next_commit_in_two_weeks", "two_repos_after_fix", "fix_tests_docs_in_a_quarter", "org_pair"],
    "contributors_xl": ["org_pair", "org_pair_in_a_quarter"],
    "contributors_xl_keyless": [],
}

# `row` is an event. None is null; what is null is not true.
CONDITIONS = {
    "is_fix": lambda row: row["is_fix"],
    "is_fix = true": lambda row: row["is_fix"],
    "touches_tests": lambda row: row["touches_tests"],
    "touches_docs": lambda row: row["touches_docs"],
    "repo = 'ruff'": lambda row: row["repo"] == "ruff",
    "ext = 'rs'": lambda row: row["ext"] == "rs",
    "files_changed >= 5": lambda row: row["files_changed"] >= 5,
    "is_fix and files_changed >= 5": lambda row: row["is_fix"] and row["files_changed"] >= 5,
    "touches_code and not touches_tests": lambda row: row["touches_code"] and not row["touches_tests"],
}
VALUES = {
    "user": lambda row: row["user_id"],
    "repo": lambda row: row["repo"],
    "ext": lambda row: row["ext"],
    "date(time)": lambda row: (EPOCH + timedelta(microseconds=row["time"])).date(),
    "files_changed": lambda row: row["files_changed"],
}
AGGREGATES = {
    "count()": len,
    "count() filter (where is_fix)": lambda rows: sum(1 for row in rows if row["is_fix"]),
}
# `of` is a person or an account.
ATTRIBUTE_CONDITIONS = {
    "is_bot = false": lambda of: not of["is_bot"],
    "account_kind = 'org'": lambda of: of["account_kind"] == "org",
}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def microseconds(duration):
    """`14d` as microseconds."""
    return int(duration[:-1]) * UNITS[duration[-1]] * 1_000_000


def iso(time):
    """Microseconds since 1970 as text; nothing for null."""
    return "" if time is None else (EPOCH + timedelta(microseconds=time)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def bucket(time, grain):
    """The first day of the period that a time lies in; weeks begin on Monday."""
    day = (EPOCH + timedelta(microseconds=time)).date()
    match grain:
        case "all":
            return ""
        case "week":
            return str(day - timedelta(days=day.weekday()))
        case "month":
            return str(day.replace(day=1))
        case "quarter":
            return str(day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1))
        case "year":
            return str(day.replace(month=1, day=1))
    raise ValueError(grain)


@dataclass
class Reach:
    """One entity and one milestone."""

    anchor: int
    closes: int | None = None
    reached: int | None = None
    reached_id: str | None = None
    #: Occurrences inside the window, also after the reach; nothing for `none_of`.
    count: int | None = 0
    #: What `at_least` is compared with: the same, or different values, or their sum.
    total: int | None = 0


class Project:
    """The definitions and the data of one project, as of one moment."""

    def __init__(self, name, data, as_of):
        self.name = name
        self.as_of = round(datetime.fromisoformat(as_of).timestamp()) * 1_000_000
        self.models = defaultdict(dict)
        for path in sorted((HERE / name / "models").glob("*.toml")):
            for kind, definitions in tomllib.loads(path.read_text()).items():
                self.models[kind] |= definitions
        self.milestones = self.models["milestone"]
        self.done = {}
        self.read(data)

    def read(self, data):
        """Reads the events and the users; whatever is at or after `as_of` does not exist."""
        source, user = self.models["source"]["events"], self.models["entity"]["user"]
        rows = [row for row in records(source["path"], data, source["time"]) if row["time"] < self.as_of]
        if "id" in source:
            rows.sort(key=lambda row: (row["time"], row["event_id"]))
            key = lambda row: row["event_id"]
        else:
            rows.sort(key=lambda row: row["time"])
            key = lambda row: (row["user_id"], row["event_name"], row["time"])
        first = {}
        for row in rows:
            first.setdefault(key(row), row)
        self.duplicates = len(rows) - len(first)
        self.rows = list(first.values())

        self.users = {row["user_id"]: row for row in records(user["path"], data, user["start"]) if row["time"] < self.as_of}
        self.events = {user: [] for user in self.users}
        for row in self.rows:
            self.events[row["user_id"]].append(row)

        self.members = defaultdict(list)
        for user in self.users.values():
            self.members[user["account_id"]].append(user)
        self.accounts = {
            account: {"time": min(user["time"] for user in members), "account_kind": members[0]["account_kind"]}
            for account, members in self.members.items()
        }

    def entities(self, milestone):
        """The entities that a milestone applies to, in the order of their keys."""
        of = self.accounts if milestone.get("entity") == "account" else self.users
        applies = ATTRIBUTE_CONDITIONS[milestone["for"]] if "for" in milestone else lambda entity: True
        return [key for key in sorted(of) if applies(of[key])]

    def reaches(self, name):
        """A milestone: its reach for each entity that has an anchor."""
        if name not in self.done:
            milestone = self.milestones[name]
            if "event" in milestone:
                one = self.event_reach
            elif "members" in milestone:
                one = self.account_reach
            elif "sequence" in milestone:
                one = self.sequence_reach
            else:
                one = self.composite_reach
            reaches = {entity: one(milestone, entity) for entity in self.entities(milestone)}
            self.done[name] = {entity: reach for entity, reach in reaches.items() if reach is not None}
        return self.done[name]

    def event_reach(self, milestone, user, later_than=None):
        """Walks one person's rows; `later_than` is the (time, id) that a sequence has come to."""
        anchor = self.users[user]["time"]
        if "from" in milestone:
            origin = self.reaches(milestone["from"]).get(user)
            if origin is None or origin.reached is None:
                return None
            anchor = origin.reached
        reach = Reach(anchor, closes=anchor + microseconds(milestone["within"]) if "within" in milestone else None)
        bounds = [later_than] if later_than else []
        if "after" in milestone:
            before = self.reaches(milestone["after"]).get(user)
            if before is None or before.reached is None:
                return reach
            bounds.append((before.reached, before.reached_id))

        names = milestone["event"] if isinstance(milestone["event"], list) else [milestone["event"]]
        different = set()
        for row in self.events[user]:
            if row["time"] < anchor or (reach.closes is not None and row["time"] >= reach.closes):
                continue
            if any((row["time"], row["event_id"]) <= bound for bound in bounds):
                continue
            if names != ["*"] and row["event_name"] not in names:
                continue
            if "where" in milestone and not CONDITIONS[milestone["where"]](row):
                continue
            if "distinct" in milestone:
                value = VALUES[milestone["distinct"]](row)
                if value is None:
                    continue
                different.add(value)
                reach.total = len(different)
            elif "sum" in milestone:
                value = VALUES[milestone["sum"]](row)
                if value is None or value <= 0:
                    continue
                reach.total += value
            else:
                reach.total += 1
            reach.count += 1
            if reach.reached is None and reach.total >= milestone.get("at_least", 1):
                reach.reached, reach.reached_id = row["time"], row.get("event_id")
        return reach

    def account_reach(self, milestone, account):
        """Counts the members that reached something inside the account's window."""
        anchor = self.accounts[account]["time"]
        reach = Reach(anchor, closes=anchor + microseconds(milestone["within"]) if "within" in milestone else None)
        reaches = self.reaches(milestone["members"])
        found = [reaches[user["user_id"]].reached for user in self.members[account] if user["user_id"] in reaches]
        return kth(reach, found, milestone.get("at_least", 1))

    def composite_reach(self, milestone, user):
        """`all_of`, `any_of`, `at_least_of`, `none_of`."""
        form = next(form for form in ("all_of", "any_of", "at_least_of", "none_of") if form in milestone)
        parts = milestone[form]["of"] if form == "at_least_of" else milestone[form]
        needed = {"all_of": len(parts), "any_of": 1, "none_of": 1}.get(form) or milestone[form]["count"]
        reach = self.composite_window(milestone, user, parts)
        kth(reach, [self.reaches(part)[user].reached for part in parts], needed)
        if form == "none_of":
            silent = reach.reached is None and reach.closes is not None and reach.closes <= self.as_of
            return Reach(reach.anchor, reach.closes, reached=reach.closes if silent else None, count=None, total=None)
        return reach

    def sequence_reach(self, milestone, user):
        """Each step counts only rows later, by (time, id), than the row that completed the step before."""
        reach = self.composite_window(milestone, user, milestone["sequence"])
        later_than = None
        for step in milestone["sequence"]:
            found = self.event_reach(self.milestones[step], user, later_than)
            if found.reached is None or (reach.closes is not None and found.reached >= reach.closes):
                return reach
            later_than = (found.reached, found.reached_id)
            reach.count += 1
            reach.total += 1
        reach.reached = found.reached
        return reach

    def composite_window(self, milestone, user, parts):
        """Open until every part has closed, or until its own window has."""
        anchor = self.users[user]["time"]
        closes = [self.reaches(part)[user].closes for part in parts]
        closes = None if None in closes else max(closes)
        if "within" in milestone:
            own = anchor + microseconds(milestone["within"])
            closes = own if closes is None else min(closes, own)
        return Reach(anchor, closes)

    def mature(self, reach):
        """Whether nothing can change any more; what has no end is mature."""
        return reach.closes is None or reach.closes <= self.as_of

    # KPIs: rows of (period, segment_by, segment, numerator, denominator, value, n, immature); empty is not asserted.

    def kpi(self, name):
        """A KPI: its rows, and the grain."""
        kpi = self.models["kpi"][name]
        grain = kpi.get("cohort") or kpi["grain"]
        match kpi["kind"]:
            case "conversion":
                rows = self.cohorts(kpi, grain, self.conversion)
            case "time_to":
                rows = self.cohorts(kpi, grain, self.time_to)
            case "formula":
                above, below = (self.totals(operand) for operand in kpi["formula"].split(" / "))
                rows = [(period, "", "", "", "", above[period] / below[period], "", "") for period in above if below.get(period)]
            case _:
                rows = self.periods(kpi, grain)
        return grain, sorted(rows, key=lambda row: row[:3])

    def totals(self, name):
        """The value of another KPI by period, without segments."""
        return {row[0]: row[5] for row in self.kpi(name)[1] if row[1] == ""}

    def segments(self, kpi, of):
        """The rows of the result that something of this entity goes into: the total, and one for each attribute."""
        return [("", "")] + [(attribute, of[attribute]) for attribute in kpi.get("by", [])]

    def cohorts(self, kpi, grain, summarize):
        """Groups the members by the period of their anchor."""
        groups = defaultdict(list)
        of = self.accounts if self.milestones[kpi["of"]].get("entity") == "account" else self.users
        for entity, reach in self.reaches(kpi["of"]).items():
            for segment in self.segments(kpi, of[entity]):
                groups[bucket(reach.anchor, grain), *segment].append(reach)
        for key, reaches in groups.items():
            counted = [reach for reach in reaches if kpi.get("include_immature") or self.mature(reach)]
            row = summarize(kpi, counted, len([reach for reach in reaches if not self.mature(reach)]))
            if row:
                yield *key, *row

    def conversion(self, _kpi, counted, immature):
        reached = len([reach for reach in counted if reach.reached is not None])
        return reached, len(counted), reached / len(counted) if counted else "", len(counted), immature

    def time_to(self, kpi, counted, _immature):
        """Exact to the last: a fraction of microseconds, rounded to a float once."""
        elapsed = sorted(reach.reached - reach.anchor for reach in counted if reach.reached is not None)
        if not elapsed:
            return None
        statistic = kpi["statistic"]
        if statistic == "mean":
            value = Fraction(sum(elapsed), len(elapsed))
        else:
            share = Fraction(1, 2) if statistic == "median" else Fraction(int(statistic[1:]), 100)
            place = share * (len(elapsed) - 1)
            below = int(place)
            above = min(below + 1, len(elapsed) - 1)
            value = elapsed[below] + (elapsed[above] - elapsed[below]) * (place - below)
        return "", "", float(value / (3600 * 1_000_000)), len(elapsed), ""

    def periods(self, kpi, grain):
        """Groups the events by the period of their own time."""
        groups = defaultdict(list)
        for row in self.rows:
            if kpi["event"] not in ("*", row["event_name"]):
                continue
            if "where" in kpi and not CONDITIONS[kpi["where"]](row):
                continue
            for segment in self.segments(kpi, self.users[row["user_id"]]):
                groups[bucket(row["time"], grain), *segment].append(row)
        for key, rows in groups.items():
            if kpi["kind"] == "ratio":
                above, below = AGGREGATES[kpi["numerator"]](rows), AGGREGATES[kpi["denominator"]](rows)
                yield *key, above, below, above / below, "", ""
            elif kpi["kind"] == "sum":
                yield *key, "", "", sum(VALUES[kpi["value"]](row) for row in rows), "", ""
            elif "distinct" in kpi:
                yield *key, "", "", len({VALUES[kpi["distinct"]](row) for row in rows} - {None}), "", ""
            else:
                yield *key, "", "", len(rows), "", ""


def records(path, data, time):
    """Reads a Parquet file as dictionaries; null is None, and `time` is microseconds since 1970."""
    table = pandas.read_parquet(path.replace("${MILEPOST_REAL_DATA}", str(data)))
    times = table[time].dt.as_unit("us").astype("int64").tolist()
    columns = {name: table[name].astype(object).where(table[name].notna(), None).tolist() for name in table.columns if name != time}
    return [dict(zip(columns, values)) | {"time": at} for at, values in zip(times, zip(*columns.values()))]


def kth(reach, times, needed):
    """Sets the reach to the k-th smallest of the times that lie in its window."""
    times = sorted(at for at in times if at is not None and at >= reach.anchor and (reach.closes is None or at < reach.closes))
    reach.count = reach.total = len(times)
    if len(times) >= needed:
        reach.reached = times[needed - 1]
    return reach


def checksum(reaches, value):
    """MD5 of `key=value` lines in the order of the keys."""
    lines = (f"{key}={'' if value(reach) is None else value(reach)}" for key, reach in sorted(reaches.items()))
    return hashlib.md5("\n".join(lines).encode()).hexdigest()


def summary(project, name):
    """One line that says all of a milestone; README.md gives the same in SQL."""
    milestone, reaches = project.milestones[name], project.reaches(name)
    rows = list(reaches.values())
    known = [reach for reach in rows if reach.count is not None]
    has_id = "event" in milestone and "id" in project.models["source"]["events"]
    return {
        "milestone": name,
        "entity": milestone.get("entity", "user"),
        "rows": len(rows),
        "reached": len([reach for reach in rows if reach.reached is not None]),
        "mature": len([reach for reach in rows if project.mature(reach)]),
        "anchor_sum": sum(reach.anchor for reach in rows) % 10**15,
        "closes_sum": sum(reach.closes or 0 for reach in rows) % 10**15,
        "reached_sum": sum(reach.reached or 0 for reach in rows) % 10**15,
        "count_sum": sum(reach.count for reach in known) if known else "",
        "total_sum": sum(reach.total for reach in known) if known else "",
        "reached_md5": checksum(reaches, lambda reach: reach.reached),
        "reached_id_md5": checksum(reaches, lambda reach: reach.reached_id) if has_id else "",
        "count_md5": checksum(reaches, lambda reach: reach.count) if known else "",
    }


def write(path, header, rows):
    """Writes a CSV file with line feeds, the same on every machine."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_milestone(project, name, folder):
    """Writes the rows of a milestone."""
    entity = project.milestones[name].get("entity", "user")
    header = [entity, "anchor_at", "reached_at", "reached_id", "count", "total", "closes_at", "mature"]
    text = lambda value: "" if value is None else value
    rows = (
        [key, iso(reach.anchor), iso(reach.reached), text(reach.reached_id), text(reach.count), text(reach.total),
         iso(reach.closes), str(project.mature(reach)).lower()]
        for key, reach in sorted(project.reaches(name).items())
    )  # fmt: skip
    write(folder / f"milestone_{name}.csv", header, rows)


def main():
    """Writes everything that is expected of every project."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, default=os.environ.get("MILEPOST_REAL_DATA", DEFAULT_DATA))
    arguments.add_argument("--full", type=Path)
    options = arguments.parse_args()
    for name, moments in PROJECTS.items():
        for folder, as_of in moments.items():
            project = Project(name, options.data, as_of)
            target = HERE / name / folder
            target.mkdir(exist_ok=True)
            summaries = [summary(project, milestone) for milestone in project.milestones]
            write(target / "milestones.csv", summaries[0], (line.values() for line in summaries))
            for kpi in project.models["kpi"]:
                grain, rows = project.kpi(kpi)
                header = ["kpi", "grain", "period", "segment_by", "segment", "numerator", "denominator", "value", "n", "immature"]
                write(target / f"kpi_{kpi}.csv", header, ([kpi, grain, *row] for row in rows))
            for milestone in FULL[name] if folder == "expected" else []:
                write_milestone(project, milestone, target)
            if options.full:
                full = options.full / name / folder
                full.mkdir(parents=True, exist_ok=True)
                for milestone in project.milestones:
                    write_milestone(project, milestone, full)
            ties = Counter((row["user_id"], row["time"]) for row in project.rows)
            tied = sum(count for count in ties.values() if count > 1)
            print(f"{name} as of {as_of}: {len(project.rows)} rows ({project.duplicates} duplicates, {tied} tied), "
                  f"{len(project.users)} users, {len(project.accounts)} accounts")  # fmt: skip


if __name__ == "__main__":
    main()
