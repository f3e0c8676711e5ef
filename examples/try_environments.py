"""Runs what docs/environments.md says, with the project.toml that stands there.

    python3 try_environments.py MILEPOST
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "environments.md"


def main():
    milepost = os.path.abspath(sys.argv[1])
    page = PAGE.read_text()
    [settings] = re.findall(r"^```toml\n(.*?)^```$", page, re.M | re.S)
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.M | re.S)
    variable, mine, thrown_away, dropped, _on_snowflake, gone, promoted = blocks
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        project = scratch / "growth"
        (scratch / "milepost").symlink_to(milepost)
        known = {"PATH": f"{scratch}:{os.environ['PATH']}", "HOME": str(scratch)}
        subprocess.run([milepost, "init", str(project), "--quiet"], check=True, stdout=subprocess.DEVNULL)
        (project / "project.toml").write_text(settings)
        library = {name: value for name, value in os.environ.items() if name.startswith(("LD_", "DYLD_"))}

        def sh(commands, expected=0, **environment):
            done = subprocess.run(
                ["bash", "-euc", commands], cwd=project, env={**library, **known, **environment}, capture_output=True, text=True
            )
            assert done.returncode == expected, (commands, done.stdout, done.stderr)
            return done.stdout + done.stderr

        def moment(**environment):
            """The moment of a KPI that is there."""
            printed = sh("milepost show signups --output json", **environment)
            return json.loads(printed)[0]["as_of"]

        sh("milepost check")
        sh(mine)
        # Another developer's schema is another one, in the same database.
        sh("milepost run --as-of 2026-06-29", DEVELOPER_SCHEMA="ben")
        assert moment(DEVELOPER_SCHEMA="ada") == "2026-06-30T00:00:00Z"
        assert moment(DEVELOPER_SCHEMA="ben") == "2026-06-29T00:00:00Z"
        assert "bad-name" in sh("milepost check", 1, DEVELOPER_SCHEMA="ada.b")
        sh("milepost check", DEVELOPER_SCHEMA="")
        print("two developers, two schemas")

        sh(thrown_away.rsplit("milepost clean", 1)[0])
        assert (project / "target" / "ci.duckdb").is_file()
        assert moment(MILEPOST_TARGET="ci", CI_RUN="42") == "2026-06-30T00:00:00Z"
        sh(thrown_away)
        assert not (project / "target").exists()
        print("CI's schema is gone")

        sh(variable)
        assert moment(MILEPOST_TARGET="ci", CI_RUN="42") == "2026-06-30T00:00:00Z"
        assert "ci_42" in sh(dropped) and "nothing to drop" in sh(dropped)
        sh("milepost show signups", 2, MILEPOST_TARGET="ci", CI_RUN="42")
        sh(gone)
        assert moment(DEVELOPER_SCHEMA="ada") == "2026-06-30T00:00:00Z"
        sh("milepost clean")
        print("what runs made is dropped, and the schema")

        sh(promoted)
        assert moment(MILEPOST_TARGET="staging") == moment(MILEPOST_TARGET="prod") == "2026-06-30T00:00:00Z"
        sh("milepost compile --as-of 2026-06-30")
        sh("diff -r target/compiled/duckdb/staging target/compiled/duckdb/prod")
        differ = sh("diff -r target/compiled/duckdb/ci target/compiled/duckdb/prod", 1)
        assert "ci_0" in differ and "milepost" in differ
        sh("milepost clean")
        assert sorted(path.name for path in (project / "warehouse").iterdir()) == ["dev.duckdb", "prod.duckdb", "staging.duckdb"]
        print("staging and production have the same rows, and outlive `clean`")


if __name__ == "__main__":
    main()
