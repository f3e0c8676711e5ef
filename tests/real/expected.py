"""What Milepost must compute from the real event logs, worked out without SQL and without Milepost.

`interpreter.py` reads `<project>/models/*.toml`, sorts the rows of each person, and walks them one by one, as the language
reference says in words. What the user writes in SQL is there a table of Python functions, keyed by the SQL: a condition that
is not in the table is an error, so a definition cannot change and its meaning stay. This file writes the results.

    python expected.py [--data FOLDER] [--full FOLDER]

`--data` is the folder of the logs (default: $MILEPOST_REAL_DATA, else ../shared/data beside the repository).
`--full` writes the rows of every milestone there, to look at when a checksum in `expected/milestones.csv` differs.
"""

import argparse
import csv
import hashlib
import os
from collections import Counter
from datetime import timedelta
from pathlib import Path

from interpreter import EPOCH, HERE, Project

DEFAULT_DATA = HERE.parents[1].parent / "shared" / "data"

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


def iso(time):
    """Microseconds since 1970 as text; nothing for null."""
    return "" if time is None else (EPOCH + timedelta(microseconds=time)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def checksum(reaches, value):
    """MD5 of `key=value` lines in the order of the keys."""
    lines = (f"{key}={'' if value(reach) is None else value(reach)}" for key, reach in sorted(reaches.items()))
    return hashlib.md5("\n".join(lines).encode()).hexdigest()


def says_id(project, milestone):
    """Whether the row that reached a milestone is asserted: events have ids, composites and accounts borrow theirs."""
    return "event" in milestone and "id" in project.models["source"]["events"]


def summary(project, name):
    """One line that says all of a milestone; README.md gives the same in SQL."""
    milestone, reaches = project.milestones[name], project.reaches(name)
    rows = list(reaches.values())
    known = [reach for reach in rows if reach.count is not None]
    has_id = says_id(project, milestone)
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
    has_id = says_id(project, project.milestones[name])
    text = lambda value: "" if value is None else value
    rows = (
        [key, iso(reach.anchor), iso(reach.reached), text(reach.reached_id if has_id else None), text(reach.count), text(reach.total),
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
