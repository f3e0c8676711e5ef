"""Runs dbt several times, as many at once as there are processors, each in a process of its own which has all modules already:
loading them takes longer than most of what is run.

Standard input holds a list of JSON: each entry has the `folder` to run in and the `args`. What fails is printed with all that
dbt said; the exit code is then 1.
"""

import json
import os
import sys
import tempfile

import dbt.adapters.bigquery  # noqa: F401  Loaded once, before the processes part.
import dbt.adapters.duckdb  # noqa: F401
import dbt.adapters.snowflake  # noqa: F401
from dbt.cli.main import dbtRunner

# What is not looked at takes half of the time.
QUIETLY = ["--quiet", "--no-use-colors", "--log-level-file", "none", "--no-version-check"]


def begin(entry):
    """Starts dbt, and returns its process and what it says."""
    said = tempfile.TemporaryFile("w+")
    process = os.fork()
    if process == 0:
        os.chdir(entry["folder"])
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        result = dbtRunner().invoke([*QUIETLY, *entry["args"]])
        print(result.exception or "")
        sys.stdout.flush()
        os._exit(not result.success)
    return process, said


def main():
    waiting, running, failed = json.load(sys.stdin), {}, False
    while waiting or running:
        # Those in one folder come one after another.
        busy = {entry["folder"] for entry, _ in running.values()}
        ready = [entry for entry in waiting if entry["folder"] not in busy]
        if ready and len(running) < (os.cpu_count() or 1):
            process, said = begin(ready[0])
            running[process] = (ready[0], said)
            waiting.remove(ready[0])
            continue
        process, status = os.wait()
        entry, said = running.pop(process)
        if os.waitstatus_to_exitcode(status) != 0:
            failed = True
            said.seek(0)
            print(f"dbt {' '.join(entry['args'])} in {entry['folder']}:\n{said.read()}", flush=True)
    sys.exit(failed)


main()
