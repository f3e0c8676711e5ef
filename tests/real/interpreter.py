"""The definitions of a project, interpreted: rows sorted, and walked one by one. `expected.py` says what for."""

import tomllib
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path

import pandas

HERE = Path(__file__).resolve().parent
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

# `row` is an event. None is null; what is null is not true.
CONDITIONS = {
    "name = 'commit'": lambda row: row["event_name"] == "commit",
    "name = 'commit' and is_fix": lambda row: row["event_name"] == "commit" and row["is_fix"],
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
# `of` is a person or an account.
ATTRIBUTE_CONDITIONS = {
    "is_bot = false": lambda of: not of["is_bot"],
    "account_kind = 'org'": lambda of: of["account_kind"] == "org",
}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def microseconds(duration):
    """`14d` as microseconds."""
    return int(duration[:-1]) * UNITS[duration[-1]] * 1_000_000


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
    #: Occurrences inside the window, also after the reach; not asserted of `none_of` and `sequence`.
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
        found = [reaches[user["user_id"]] for user in self.members[account] if user["user_id"] in reaches]
        return kth(reach, found, milestone.get("at_least", 1))

    def composite_reach(self, milestone, user):
        """`all_of`, `any_of`, `at_least_of`, `none_of`."""
        form = next(form for form in ("all_of", "any_of", "at_least_of", "none_of") if form in milestone)
        parts = milestone[form]["of"] if form == "at_least_of" else milestone[form]
        needed = {"all_of": len(parts), "any_of": 1, "none_of": 1}.get(form) or milestone[form]["count"]
        reach = self.composite_window(milestone, user, parts)
        kth(reach, [self.reaches(part)[user] for part in parts], needed)
        if form == "none_of":
            silent = reach.reached is None and reach.closes is not None and reach.closes <= self.as_of
            return Reach(reach.anchor, reach.closes, reached=reach.closes if silent else None, count=None, total=None)
        return reach

    def sequence_reach(self, milestone, user):
        """Each step counts only rows later, by (time, id), than the row that completed the step before."""
        reach = self.composite_window(milestone, user, milestone["sequence"])
        reach.count = reach.total = None
        later_than = None
        for step in milestone["sequence"]:
            found = self.event_reach(self.milestones[step], user, later_than)
            if found.reached is None or (reach.closes is not None and found.reached >= reach.closes):
                return reach
            later_than = (found.reached, found.reached_id)
        reach.reached, reach.reached_id = later_than
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
                above, below = (self.totals(operand) for operand in kpi["value"].split(" / "))
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
        """Groups things by the period of their own time: events, people by their start, or reaches of a milestone."""
        groups = defaultdict(list)
        for time, of, row in self.things(kpi.get("of") or kpi["denominator"]["of"]):
            if "where" in kpi and not CONDITIONS[kpi["where"]](row):
                continue
            for segment in self.segments(kpi, of):
                groups[bucket(time, grain), *segment].append(row)
        for key, rows in groups.items():
            match kpi["kind"]:
                case "ratio":
                    above, below = self.matching(kpi["numerator"], rows), self.matching(kpi["denominator"], rows)
                    if below:
                        yield *key, above, below, above / below, "", ""
                case "sum":
                    yield *key, "", "", sum(VALUES[kpi["value"]](row) for row in rows), "", ""
                case "count" if "distinct" in kpi:
                    yield *key, "", "", len({VALUES[kpi["distinct"]](row) for row in rows} - {None}), "", ""
                case "count":
                    yield *key, "", "", len(rows), "", ""

    def things(self, name):
        """Pairs each thing with its time and with the person or account whose attributes are the segments."""
        if name == "events":
            return [(row["time"], self.users[row["user_id"]], row) for row in self.rows]
        if name == "user":
            return [(user["time"], user, user) for user in self.users.values()]
        of = self.accounts if self.milestones[name].get("entity") == "account" else self.users
        return [(reach.reached, of[key], reach) for key, reach in self.reaches(name).items() if reach.reached is not None]

    def matching(self, measure, rows):
        """`{ of = "events", aggregate = "count", where = … }`."""
        assert (measure["of"], measure["aggregate"]) == ("events", "count")
        return len([row for row in rows if "where" not in measure or CONDITIONS[measure["where"]](row)])


def records(path, data, time):
    """Reads a Parquet file as dictionaries; null is None, and `time` is microseconds since 1970."""
    table = pandas.read_parquet(path.replace("${MILEPOST_REAL_DATA}", str(data)))
    times = table[time].dt.as_unit("us").astype("int64").tolist()
    columns = {name: table[name].astype(object).where(table[name].notna(), None).tolist() for name in table.columns if name != time}
    return [dict(zip(columns, values)) | {"time": at} for at, values in zip(times, zip(*columns.values()))]


def kth(reach, parts, needed):
    """Sets the reach to the k-th, by (time, id), of the reaches that lie in its window."""
    inside = lambda time: time is not None and time >= reach.anchor and (reach.closes is None or time < reach.closes)
    found = sorted((part.reached, part.reached_id) for part in parts if inside(part.reached))
    reach.count = reach.total = len(found)
    if len(found) >= needed:
        reach.reached, reach.reached_id = found[needed - 1]
    return reach
