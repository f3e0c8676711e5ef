"""Runs airflow/milepost_daily.py by `airflow dags test`: with Milepost itself, and where it fails.

    PYTHON_OF_AIRFLOW try_airflow.py MILEPOST

All that Airflow writes goes to a folder that is removed afterwards. Waits between tries are made a second, in a copy.
"""

import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
AIRFLOW = str(pathlib.Path(sys.executable).parent / "airflow")


def main():
    milepost = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        home = pathlib.Path(scratch)
        dags, project, tries = home / "dags", home / "project", home / "tries"
        dags.mkdir()
        (home / "plugins").mkdir()
        (home / "plugins" / "milepost_run.py").write_text((HERE / "milepost_run.py").read_text())
        text = (HERE / "airflow" / "milepost_daily.py").read_text()
        quick = text.replace("minutes=5", "seconds=1").replace("retry_exponential_backoff=True", "retry_exponential_backoff=False")
        assert quick.count("seconds=1") == 1 and "backoff=False" in quick
        (dags / "milepost_daily.py").write_text(quick)
        subprocess.run([milepost, "init", str(project), "--quiet"], check=True, stdout=subprocess.DEVNULL)
        environment = {
            **os.environ,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "MILEPOST_BIN": milepost,
            "MILEPOST_PROJECT_DIR": str(project),
        }

        def airflow(*arguments, **more):
            done = subprocess.run(
                [AIRFLOW, *arguments], env={**environment, **more}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900
            )
            return done.returncode, done.stdout

        def asked(sql):
            with sqlite3.connect(home / "airflow.db") as database:
                return database.execute(sql).fetchall()

        code, said = airflow("db", "migrate")
        assert code == 0, said
        code, said = airflow("dags", "reserialize")
        assert code == 0, said
        assert asked("select dag_id from dag") == [("milepost_daily",)] and not asked("select * from import_error"), said
        print("airflow dags reserialize: milepost_daily, no import error")

        def test(day, **more):
            """Runs the DAG, and returns the task's state, how often it was tried, and what was printed."""
            _, printed = airflow("dags", "test", "milepost_daily", f"{day}T05:00:00+00:00", **more)
            [(state, number)] = asked(
                "select i.state, i.try_number from task_instance i join dag_run r using (dag_id, run_id)"
                f" where r.logical_date like '{day}%'"
            )
            return state, number, printed

        state, number, printed = test("2026-07-01")
        assert state == "success", printed
        assert "as of 2026-07-01T00:00:00Z" in printed, printed
        [(handed_on,)] = asked("select value from xcom where key = 'return_value'")
        handed_on = json.loads(handed_on)
        handed_on = json.loads(handed_on) if isinstance(handed_on, str) else handed_on
        print(f"success at try {number}; XCom: {json.dumps(handed_on)[:300]}…")
        assert "2026-07-01T00:00:00Z" in json.dumps(handed_on)

        def fails(day, errors):
            fake = home / "fake"
            results = json.dumps({"results": [], "metadata": {}, "args": {}, "errors": [errors]})
            fake.write_text(f"#!/bin/sh\necho x >> {tries}\necho '{results}'\nexit 2\n")
            fake.chmod(0o755)
            tries.write_text("")
            state, _, printed = test(day, MILEPOST_BIN=str(fake))
            assert state == "failed", printed
            return len(tries.read_text().split())

        passing = fails("2026-07-02", "another process has the database open")
        assert passing == 4, f"it was tried {passing} times"
        print("no connection: tried 4 times, then failed")
        lasting = fails("2026-07-03", "error[unknown-target]: no target")
        assert lasting == 1, f"it was tried {lasting} times"
        print("a mistake: tried once, then failed")


if __name__ == "__main__":
    main()
