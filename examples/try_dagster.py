"""Runs dagster/milepost_assets.py by `dagster job execute` and `dagster asset materialize`, and where Milepost fails.

    PYTHON_OF_DAGSTER try_dagster.py MILEPOST

All that Dagster writes goes to a folder that is removed afterwards. Waits between tries are made a second, in a copy.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import dagster as dg

HERE = pathlib.Path(__file__).parent
DAGSTER = str(pathlib.Path(sys.executable).parent / "dagster")


def main():
    milepost = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        home = pathlib.Path(scratch)
        project, tries = home / "project", home / "tries"
        (home / "milepost_run.py").write_text((HERE / "milepost_run.py").read_text())
        quick = (HERE / "dagster" / "milepost_assets.py").read_text().replace("delay=300, backoff=dg.Backoff.EXPONENTIAL", "delay=1")
        assert "delay=1)" in quick
        (home / "milepost_assets.py").write_text(quick)
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        subprocess.run([milepost, "init", str(project), "--quiet", "--name", "tried"], check=True, stdout=subprocess.DEVNULL)
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(home),
            "MILEPOST_BIN": milepost,
            "MILEPOST_PROJECT_DIR": str(project),
        }

        def dagster(*arguments, **more):
            done = subprocess.run(
                [DAGSTER, *arguments], cwd=home, env={**environment, **more}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900
            )
            return done.returncode, done.stdout

        def materialized():
            """What is materialized of a run: the assets' names with the metadata of the latest."""
            with dg.DagsterInstance.from_config(str(home)) as instance:
                run = instance.get_run_records(limit=1)[0].dagster_run
                events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
                found = [event.dagster_event.event_specific_data.materialization for event in events]
                return {event.asset_key.path[-1]: {name: value.value for name, value in event.metadata.items()} for event in found}

        config = home / "run.yaml"
        config.write_text(json.dumps({"ops": {"milepost": {"config": {"as_of": "2026-06-30T00:00:00Z"}}}}))
        code, said = dagster("job", "execute", "-f", "milepost_assets.py", "-j", "milepost_everything", "--config", str(config))
        assert code == 0, said
        made = materialized()
        assert len(made) == 15 and made["entity_user"]["dagster/row_count"] == 48, made
        assert {one["as_of"] for one in made.values()} == {"2026-06-30T00:00:00Z"}, made
        print(f"dagster job execute: {len(made)} assets, as of 2026-06-30")

        code, said = dagster("asset", "materialize", "-f", "milepost_assets.py", "--select", 'key:"tried/kpi_signups"')
        assert code == 0, said
        part = materialized()
        # A KPI is made with the table that its cells lie in, as of the moment of what is there.
        assert "kpi_signups" in part and "score_engagement" not in part, part
        assert {one["as_of"] for one in part.values()} == {"2026-06-30T00:00:00Z"}, part
        print(f"dagster asset materialize --select kpi_signups: {', '.join(sorted(part))}")

        code, said = dagster("asset", "materialize", "-f", "milepost_assets.py", "--select", 'key:"tried/entity_user" or key:"tried/events_events"')
        assert code == 0, said
        print(f"dagster asset materialize --select entity_user, events_events: {', '.join(sorted(materialized()))}")

        def fails(errors):
            fake = home / "fake"
            results = json.dumps({"results": [], "metadata": {}, "args": {}, "errors": [errors]})
            fake.write_text(
                f"#!/bin/sh\n[ \"$1\" != compile ] || exec {milepost} \"$@\"\necho x >> {tries}\necho '{results}'\nexit 2\n"
            )
            fake.chmod(0o755)
            tries.write_text("")
            code, said = dagster("job", "execute", "-f", "milepost_assets.py", "-j", "milepost_everything", MILEPOST_BIN=str(fake))
            assert code != 0 and not materialized(), said
            return len(tries.read_text().split())

        passing = fails("another process has the database open")
        assert passing == 4, f"it was tried {passing} times"
        print("no connection: tried 4 times, then failed")
        lasting = fails("error[unknown-target]: no target")
        assert lasting == 1, f"it was tried {lasting} times"
        print("a mistake: tried once, then failed")

        # The schedule names the moment.
        sys.path.insert(0, str(home))
        os.environ.update(environment)
        import datetime

        import milepost_assets

        at = datetime.datetime(2026, 7, 2, 5, tzinfo=datetime.timezone.utc)
        request = milepost_assets.each_day(dg.build_schedule_context(scheduled_execution_time=at))
        assert request.run_config["ops"]["milepost"]["config"]["as_of"] == "2026-07-02T00:00:00Z", request
        print("the schedule of 2026-07-02 05:00 asks for 2026-07-02T00:00:00Z")


if __name__ == "__main__":
    main()
