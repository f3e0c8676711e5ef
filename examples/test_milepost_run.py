"""What milepost_run.py makes of each way in which Milepost ends: `python3 -m unittest test_milepost_run`.

A stand-in plays Milepost; try.sh runs the same against the program itself.
"""

import contextlib
import datetime
import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

import milepost_run

UTC = datetime.timezone.utc


def result(status, error_kind=None, name="kpi.p.kpi_a"):
    return {"unique_id": name, "status": status, "error_kind": error_kind, "message": None, "rows_affected": None}


def results(*entries, errors=()):
    return {"metadata": {"invocation_id": "i"}, "args": {"as_of": "2026-06-30T00:00:00Z"}, "results": list(entries), "errors": list(errors)}


#: What it is, the exit code, the results that are printed, whether it is worth trying again.
CASES = [
    ("all was done", 0, results(result("success"), result("no-op"), result("pass")), False),
    ("a mistake in the project", 1, results(errors=["models/a.toml:1:1: error[unknown-milestone]: …"]), False),
    ("a unit test failed", 1, results(result("fail"), result("skipped")), False),
    ("a statement is wrong", 1, results(result("error", "user_sql"), result("skipped")), False),
    ("a budget is used up", 1, results(result("error", "quota")), False),
    ("a file is not there", 1, results(result("skipped"), errors=["… is not there"]), False),
    ("the connection was lost", 1, results(result("success"), result("error", "transient"), result("skipped")), True),
    ("the session is gone", 1, results(result("error", "gone")), True),
    ("one passes, one does not", 1, results(result("error", "gone"), result("error", "user_sql")), False),
    ("the database is held", 2, results(errors=["another process has the database open"]), True),
    ("no such target", 2, results(errors=["error[unknown-target]: no target `nope`"]), False),
    ("wrong usage", 2, None, False),
]


class Cases(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    if sys.version_info < (3, 11):

        def enterContext(self, context):
            stack = contextlib.ExitStack()
            self.addCleanup(stack.close)
            return stack.enter_context(context)

    def milepost(self, script):
        """Writes a stand-in, and returns its path."""
        path = self.folder / "milepost"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    def ends(self, exit_code, printed):
        (self.folder / "printed").write_text("" if printed is None else json.dumps(printed))
        return self.milepost(f"echo 'said by it' >&2; cat {self.folder}/printed; exit {exit_code}")

    def command(self, program, *options):
        environment = {**os.environ, "MILEPOST_BIN": program, "MILEPOST_STATE": str(self.folder / "state")}
        return subprocess.Popen(
            [sys.executable, milepost_run.__file__, *options], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def kept(self):
        return sorted((self.folder / "state" / "results").glob("*"))

    def test_how_it_ends(self):
        for what, exit_code, printed, again in CASES:
            with self.subTest(what):
                said = []
                outcome = milepost_run.call(["build"], program=self.ends(exit_code, printed), say=said.append)
                self.assertEqual(said, ["said by it"])
                self.assertEqual((outcome.exit_code, outcome.worth_retrying), (exit_code, again))
                self.assertEqual(bool(outcome.reasons()), exit_code != 0)
                json.dumps(outcome.summary())

    def test_ended_by_a_signal(self):
        outcome = milepost_run.call(["build"], program=self.milepost("kill -9 $$"), say=str)
        self.assertEqual((outcome.exit_code, outcome.worth_retrying), (-9, True))

    def test_the_call(self):
        program = self.milepost(f'echo "$@" > {self.folder}/called')
        zone = datetime.timezone(datetime.timedelta(hours=2))
        milepost_run.call(["run", "-q"], as_of=datetime.datetime(2026, 7, 1, tzinfo=zone), program=program)
        called = (self.folder / "called").read_text()
        self.assertEqual(called, "run -q --output json --as-of 2026-06-30T22:00:00Z\n")
        with self.assertRaises(ValueError):
            milepost_run.call(["run"], as_of=datetime.datetime(2026, 7, 1), program=program)

    def test_the_moment_of_the_schedule(self):
        now = datetime.datetime(2026, 7, 2, 5, 17, 3, 9, tzinfo=UTC)
        for every, moment in [("hour", (2026, 7, 2, 5)), ("day", (2026, 7, 2)), ("week", (2026, 6, 29))]:
            self.assertEqual(milepost_run.latest(every, now), datetime.datetime(*moment, tzinfo=UTC))

    def test_the_command_line(self):
        for what, exit_code, printed, again in CASES:
            with self.subTest(what):
                process = self.command(self.ends(exit_code, printed))
                process.communicate(timeout=60)
                self.assertEqual(process.returncode, milepost_run.LATER if again else exit_code)
        self.assertEqual(len(self.kept()), sum(printed is not None for _, _, printed, _ in CASES))

    def test_tries_and_what_is_kept(self):
        gone = json.dumps(results(result("error", "gone")))
        program = self.milepost(f"echo x >> {self.folder}/tries; echo '{gone}'; exit 1")
        process = self.command(program, "--tries", "3", "--wait", "0", "--keep", "2")
        _, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, milepost_run.LATER)
        self.assertEqual((self.folder / "tries").read_text().split(), ["x"] * 3)
        self.assertEqual(said.count("tried again"), 2)
        self.assertEqual([path.suffix for path in self.kept()], [".json"] * 2)

    def test_one_at_a_time(self):
        program = self.milepost(f"echo x > {self.folder}/began; exec sleep 600")
        first = self.command(program)
        while not (self.folder / "began").exists():
            time.sleep(0.01)
        second = self.command(program)
        _, said = second.communicate(timeout=60)
        self.assertEqual((second.returncode, said), (milepost_run.LATER, "another run of this project is not over yet\n"))
        # Stopped, it stops what it runs, and lets go of the lock.
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=60)
        self.assertEqual(first.returncode, 128 + signal.SIGTERM)
        third = self.command(self.ends(0, results(result("success"))))
        third.communicate(timeout=60)
        self.assertEqual(third.returncode, 0)

    def test_the_program_is_not_there(self):
        process = self.command(str(self.folder / "nowhere"))
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 2)


if __name__ == "__main__":
    unittest.main()
