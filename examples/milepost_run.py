#!/usr/bin/env python3
"""Runs Milepost for a scheduler: as of the schedule's moment, one run at a time, and says whether to try again.

    python3 milepost_run.py --every day -- build --target prod

is `milepost build --target prod --as-of <today, 00:00 UTC> --output json`. The moment is rounded down, so that a run that
is tried again measures the same. What the run printed is kept as JSON, one file a run. It ends with

    0   all was done
    1   the project has errors, or a relation or a test failed: trying again gives the same
    2   it could not be called: trying again gives the same
    75  it may succeed now: no connection, a database that another process holds, a failure of the service, or
        another run of this project is not over yet

Only the standard library is used. The examples for Airflow and Dagster import this file.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence

#: The exit code that means "try again later" (EX_TEMPFAIL of sysexits.h).
LATER = 75

#: Kinds of errors (`error_kind` in run_results.json) after which the same statement may succeed: the connection or the
#: session was lost, or another process had the database. Milepost itself has tried it some times by then.
PASSING = frozenset({"transient", "gone", "busy"})

#: Statuses of a relation or a unit test that did what it should; `no-op` is a view that stands as it is.
GOOD = frozenset({"success", "pass", "no-op"})


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a run ended.

    exit_code: Milepost's own; negative for a signal that ended it.
    results: the parsed JSON that it printed; None where it printed none, as for wrong usage.
    """

    exit_code: int
    results: dict | None

    @property
    def done(self) -> bool:
        """Whether all was done."""
        return self.exit_code == 0

    @property
    def failed(self) -> list[dict]:
        """The results of the relations and unit tests that failed themselves, without those skipped for them."""
        if self.results is None:
            return []
        return [result for result in self.results["results"] if result["status"] not in GOOD | {"skipped"}]

    @property
    def worth_retrying(self) -> bool:
        """Whether the same call may succeed later.

        * Ended by a signal, as by a machine that is short of memory: yes.
        * 2, could not be tried: where it was no mistake of the call, which has a code (`error[unknown-target]: …`), and
          not wrong usage, which leaves no results. Then there was no connection, or another process had the database.
          Some mistakes of the call have no code, such as a selection of nothing: those are tried in vain.
        * 1: only if each relation that failed did so for a reason that passes, and there is one.
        """
        if self.done:
            return False
        if self.exit_code < 0:
            return True
        if self.exit_code == 2:
            errors = [] if self.results is None else self.results["errors"]
            return bool(errors) and not any(error.startswith("error[") for error in errors)
        return bool(self.failed) and all(result.get("error_kind") in PASSING for result in self.failed)

    def reasons(self) -> list[str]:
        """What went wrong, one text each: what kept it from being tried, then relations and tests that failed."""
        if self.done:
            return []
        if self.exit_code < 0:
            return [f"milepost was ended by signal {-self.exit_code}"]
        said = [] if self.results is None else list(self.results["errors"])
        said += [f"{result['unique_id']}: {result['message'] or result['status']}" for result in self.failed]
        return said or [f"milepost ended with {self.exit_code}, and its messages say why"]

    def summary(self) -> dict:
        """What another task may want to know, small enough to be handed on: no SQL is in it."""
        results = self.results or {"results": [], "metadata": {}, "args": {}}
        statuses: dict[str, int] = {}
        for result in results["results"]:
            statuses[result["status"]] = statuses.get(result["status"], 0) + 1
        return {
            "as_of": results["args"].get("as_of"),
            "target": results["args"].get("target"),
            "invocation_id": results["metadata"].get("invocation_id"),
            "exit_code": self.exit_code,
            "statuses": statuses,
            "rows": {
                result["unique_id"]: result["rows_affected"]
                for result in results["results"]
                if result["rows_affected"] is not None
            },
            "errors": self.reasons(),
        }


def instant(moment: datetime.datetime) -> str:
    """A moment as `--as-of` takes it. Raises ValueError for a time without an offset, which could be any zone's."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no offset from UTC")
    return moment.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def latest(every: str, now: datetime.datetime) -> datetime.datetime:
    """The start in UTC of the hour, day or week (from Monday) that `now` lies in."""
    hour = now.astimezone(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    return {"hour": hour, "day": day, "week": day - datetime.timedelta(days=day.weekday())}[every]


def call(
    arguments: Sequence[str],
    *,
    as_of: datetime.datetime | None = None,
    program: str | None = None,
    say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
) -> Outcome:
    """Runs `milepost ARGUMENTS --output json` and waits for its end.

    as_of: the moment to measure at; without it Milepost decides.
    program: the program; without it `MILEPOST_BIN` of the environment, or `milepost` on the path.
    say: is handed each line of its messages as it comes.

    Raises FileNotFoundError where the program is not there. Where the caller is interrupted, Milepost is too, as by
    Ctrl-C, so that it cancels what runs in the warehouse, and its end is awaited.
    """
    command = [program or os.environ.get("MILEPOST_BIN") or "milepost", *arguments, "--output", "json"]
    if as_of is not None:
        command += ["--as-of", instant(as_of)]
    with tempfile.TemporaryFile() as printed:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": printed, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, **pipes, text=True, errors="replace") as process:
            try:
                for line in process.stderr:
                    say(line.rstrip("\n"))
                exit_code = process.wait()
            except BaseException:
                process.send_signal(signal.SIGINT)
                process.communicate()
                raise
        printed.seek(0)
        try:
            results = json.load(printed)
        except ValueError:
            results = None
    return Outcome(exit_code, results if isinstance(results, dict) and "results" in results else None)


@contextlib.contextmanager
def alone(lock: pathlib.Path) -> Iterator[bool]:
    """Holds the file `lock` while the block runs, and yields whether it could: another process may have it.

    The system lets go of it when the process ends, however it ends.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def keep(outcome: Outcome, folder: pathlib.Path, name: str) -> pathlib.Path | None:
    """Writes the results to `folder/name.json`, whole or not at all, and returns the path; None without results."""
    if outcome.results is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    half = path.with_suffix(".half")
    half.write_text(json.dumps(outcome.results, indent=2) + "\n")
    half.replace(path)
    return path


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", choices=["hour", "day", "week"], default="day", help="how often it is scheduled")
    parser.add_argument("--state", type=pathlib.Path, help="folder of results and the lock (MILEPOST_STATE)")
    parser.add_argument("--keep", type=int, default=90, metavar="N", help="how many results are kept (%(default)s)")
    parser.add_argument("--tries", type=int, default=1, metavar="N", help="how often it is tried (%(default)s)")
    parser.add_argument("--wait", type=float, default=60, metavar="SECONDS", help="before the next try, then doubled")
    parser.add_argument("arguments", nargs="*", default=[], metavar="ARGUMENT", help="of milepost (build), behind --")
    options = parser.parse_args()
    state = options.state or pathlib.Path(os.environ.get("MILEPOST_STATE", "milepost_state"))
    arguments = options.arguments or ["build"]
    program = os.environ.get("MILEPOST_BIN") or "milepost"
    if shutil.which(program) is None:
        print(f"{program} is not there: name the program in MILEPOST_BIN", file=sys.stderr)
        return 2
    # A scheduler that stops this stops Milepost in good order.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    as_of = latest(options.every, datetime.datetime.now(datetime.timezone.utc))
    with alone(state / "lock") as mine:
        if not mine:
            print("another run of this project is not over yet", file=sys.stderr)
            return LATER
        wait = options.wait
        for left in reversed(range(options.tries)):
            outcome = call(arguments, as_of=as_of, program=program)
            # Sorted by name they are sorted by time.
            name = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
            kept = keep(outcome, state / "results", name)
            for old in sorted((state / "results").glob("*.json"))[: -max(options.keep, 1)]:
                old.unlink()
            if kept is not None:
                print(kept)
            if not outcome.worth_retrying:
                return outcome.exit_code
            if left:
                print(f"tried again in {wait:g} s: {'; '.join(outcome.reasons())}", file=sys.stderr, flush=True)
                time.sleep(wait)
                wait *= 2
        return LATER


if __name__ == "__main__":
    sys.exit(main())
