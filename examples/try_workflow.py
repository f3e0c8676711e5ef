"""Runs the `run` steps of github-actions/milepost.yml as GitHub would, on a pull request that is made up here.

    python try_workflow.py MILEPOST

MILEPOST is the program. What GitHub provides is played: the environment, a checkout of a merge, conditions of steps (all
of them hold), and `gh`, which writes down how it is called. Actions (`uses`) are not run. Needs PyYAML, git and jq.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import yaml

HERE = pathlib.Path(__file__).parent / "github-actions"
GH = """#!/bin/sh
for argument; do printf '%s ' "$argument"; done >> "$CALLS"
echo >> "$CALLS"
case "$*" in *--paginate*) [ ! -f "$EARLIER" ] || cat "$EARLIER" ;; esac
"""


def sh(command, cwd, **environment):
    subprocess.run(command, cwd=cwd, check=True, shell=True, executable="/bin/bash", env={**os.environ, **environment})


def main():
    milepost = os.path.abspath(sys.argv[1])
    workflow = yaml.safe_load((HERE / "milepost.yml").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        bin, repository, runner = scratch / "bin", scratch / "repository", scratch / "runner"
        for folder in (bin, repository, runner):
            folder.mkdir()
        (bin / "milepost").symlink_to(milepost)
        (bin / "python").symlink_to(sys.executable)
        (bin / "gh").write_text(GH)
        (bin / "gh").chmod(0o755)
        environment = {
            **os.environ,
            **{name: str(value) for name, value in workflow["env"].items()},
            "PATH": f"{bin}:{os.environ['PATH']}",
            "RUNNER_TEMP": str(runner),
            "GITHUB_STEP_SUMMARY": str(runner / "summary.md"),
            "CALLS": str(scratch / "calls"),
            "EARLIER": str(scratch / "earlier"),
        }

        def steps(job, cwd):
            """Runs the steps of a job, and returns (the first that failed or None, what was printed)."""
            printed = ""
            for step in workflow["jobs"][job]["steps"]:
                if "run" not in step or step.get("name") == "Install":
                    continue
                given = {name: re.sub(r"\$\{\{.*?\}\}", "7", str(value)) for name, value in step.get("env", {}).items()}
                done = subprocess.run(
                    ["bash", "-e", "-c", step["run"]], cwd=cwd, env={**environment, **given}, capture_output=True, text=True
                )
                printed += done.stdout + done.stderr
                if done.returncode:
                    return step["name"], printed
            return None, printed

        # A base branch, a change of it, and the merge that GitHub checks out.
        git = "git -c user.name=try -c user.email=try@example.com -c init.defaultBranch=main -c commit.gpgsign=false"
        sh(f"{milepost} init . --quiet --name tried && {git} init --quiet && {git} add . && mkdir .github", repository)
        sh(f"cp {HERE}/milepost_changes.py .github/ && {git} add . && {git} commit --quiet -m base", repository)
        sh(f"{git} checkout --quiet -b change && sed -i 's/within = \"7d\"/within = \"8d\"/' models/activation.toml", repository)
        sh(f"{git} commit --quiet -am change && {git} checkout --quiet main", repository)
        sh(f"{git} merge --quiet --no-ff -m merge change", repository)

        failed, printed = steps("review", repository)
        assert failed is None, printed
        comment = (runner / "comment.md").read_text()
        print(comment)
        assert "| `milestone.first_document` | changed |" in comment
        assert "| `kpi.activation_rate` | reads what changed |" in comment
        assert "kpi.signups`" not in comment, "what reads nothing that changed is named"
        assert (runner / "summary.md").read_text() == comment
        assert "691200000000" in (runner / "head" / "changes.diff").read_text()
        assert (runner / "head" / "manifest.json").is_file()

        # The first time a comment is made, and then it is changed.
        for earlier, method in ((None, "POST repos/7/issues/7/comments"), ("42\n", "PATCH repos/7/issues/comments/42")):
            if earlier:
                (scratch / "earlier").write_text(earlier)
            failed, printed = steps("comment", runner)
            assert failed is None, printed
            assert f"--method {method}" in (scratch / "calls").read_text().splitlines()[-1]

        # A mistake is an annotation at its line, and ends the job.
        sh("sed -i 's/\"first_document\", \"shared\"\\]/\"first_documnt\", \"shared\"]/' models/activation.toml", repository)
        failed, printed = steps("review", repository)
        assert failed == "Check", (failed, printed)
        assert re.search(r"^::error file=models/activation.toml,line=\d+,col=\d+,title=unknown-milestone::no milestone", printed, re.M), printed
        found = json.loads((runner / "milepost.sarif").read_text())["runs"][0]["results"][0]
        place = found["locations"][0]["physicalLocation"]["artifactLocation"]
        assert (found["ruleId"], place["uri"]) == ("unknown-milestone", "models/activation.toml"), found

        # And so does a unit test that fails.
        sh(f"{git} checkout --quiet . && sed -i 's/reached = true/reached = false/' tests/activation.toml", repository)
        failed, printed = steps("review", repository)
        assert failed == "Test", (failed, printed)
        tests = xml.etree.ElementTree.parse(runner / "tests.xml").getroot()
        assert tests.get("failures") == "1" and tests.find(".//failure") is not None, printed
    print("the workflow's steps do what they should")


if __name__ == "__main__":
    main()
