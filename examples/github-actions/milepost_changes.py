#!/usr/bin/env python3
"""Prints, as Markdown, what differs between two compilations of a Milepost project.

    milepost compile --as-of 2026-01-01 --target-path /tmp/head
    milepost_changes.py /tmp/base /tmp/head --limit 60000 > comment.md

Each argument is a target folder: a manifest and compiled SQL. Both are compiled as of one moment, so that moments do not
count as differences. A folder without a manifest stands for a project that did not compile, or that was not there.
Only the standard library is used.
"""

from __future__ import annotations

import argparse
import difflib
import json
import pathlib
import re
import sys

#: By this the workflow's comment is told from others.
MARK = "<!-- milepost: what this pull request changes -->"

#: How a definition differs, in the order of the table.
ADDED, REMOVED, CHANGED, READS, DESCRIBED = "added", "removed", "changed", "reads what changed", "only described otherwise"


class Compiled:
    """A target folder: definitions and relations by their unique ids, and the SQL of the first target's relations."""

    def __init__(self, folder: pathlib.Path) -> None:
        path = folder / "manifest.json"
        self.there = path.is_file()
        manifest = json.loads(path.read_text()) if self.there else {"definitions": [], "targets": [], "metadata": {}}
        self.as_of = manifest["metadata"].get("as_of")
        self.definitions = {definition["unique_id"]: definition for definition in manifest["definitions"]}
        self.target = manifest["targets"][0]["name"] if manifest["targets"] else None
        nodes = manifest["targets"][0]["nodes"] if manifest["targets"] else []
        self.nodes = {node["unique_id"]: node for node in nodes}
        self.sql = {node["unique_id"]: (folder / node["sql_path"]).read_text() for node in nodes}

    def computes(self, node: str) -> str | None:
        """The SQL of a relation without its comments, which say what it is and change no row."""
        sql = self.sql.get(node)
        return None if sql is None else "\n".join(line for line in sql.splitlines() if not line.startswith("--"))


def changes(base: Compiled, head: Compiled) -> list[tuple[str, str]]:
    """How each definition that differs does: (its unique id, one of the words above).

    The rows of a definition follow from it and from what it refers to, so that nothing else is asked: relations are shared
    between definitions, and the SQL of a shared one may differ for another definition's sake.
    """
    order = [ADDED, REMOVED, CHANGED, READS, DESCRIBED]
    differ = {
        name
        for name, definition in head.definitions.items()
        if name not in base.definitions or base.definitions[name]["sha256"] != definition["sha256"]
    }

    def reads_what_differs(name: str, seen: frozenset[str] = frozenset()) -> bool:
        read = head.definitions[name]["depends_on"] if name in head.definitions else []
        return any(
            other in differ or (other not in seen and reads_what_differs(other, seen | {other})) for other in read
        )

    found = [(name, REMOVED) for name in base.definitions if name not in head.definitions]
    for name, definition in head.definitions.items():
        before = base.definitions.get(name)
        if before is None:
            found.append((name, ADDED))
        elif name in differ:
            found.append((name, CHANGED))
        elif reads_what_differs(name):
            found.append((name, READS))
        elif any(before[key] != definition[key] for key in ("title", "description", "owner", "tags")):
            found.append((name, DESCRIBED))
    return sorted(found, key=lambda change: (order.index(change[1]), change[0]))


def difference(base: Compiled, head: Compiled) -> str:
    """The SQL's difference, as `diff -u` writes it, relation by relation in the order in which they run."""
    lines: list[str] = []
    for name in [*head.sql, *(name for name in base.sql if name not in head.sql)]:
        path = (head.nodes.get(name) or base.nodes[name])["sql_path"]
        before, after = base.sql.get(name, "").splitlines(), head.sql.get(name, "").splitlines()
        old = f"a/{path}" if name in base.sql else "/dev/null"
        new = f"b/{path}" if name in head.sql else "/dev/null"
        lines += difflib.unified_diff(before, after, old, new, lineterm="")
    return "\n".join(lines)


def shown(name: str) -> str:
    """A unique id as a project names it: `kpi.signups`, not `kpi.my_project.signups`."""
    kind, _, rest = name.partition(".")
    return f"{kind}.{rest.partition('.')[2]}"


def fenced(text: str, limit: int) -> list[str]:
    """A block of `text`, cut at a line so that it has at most `limit` characters, and a word on what was cut."""
    kept, size = [], 0
    lines = text.splitlines()
    for line in lines:
        size += len(line) + 1
        if size > limit:
            break
        kept.append(line)
    cut = len(lines) - len(kept)
    # A fence is longer than any run of backticks in it, which descriptions and BigQuery's names may have.
    fence = "`" * (max((len(run) for run in re.findall("`+", "\n".join(kept))), default=0) + 3)
    block = [f"{fence}diff", *kept, fence]
    return block + ([f"{cut} more lines are in the artifact."] if cut else [])


def markdown(base: Compiled, head: Compiled, limit: int) -> str:
    """The whole comment, of at most `limit` characters as long as the table leaves room for a difference."""
    lines = [MARK, "### Milepost: what this pull request changes", ""]
    if not head.there:
        return "\n".join([*lines, "The project does not compile: see the job's log.", ""])
    if not base.there:
        lines += ["The base branch has no project that compiles, so that all of it is new.", ""]
    found = changes(base, head)
    if found:
        lines += ["| definition | | where |", "| --- | --- | --- |"]
        for name, how in found:
            definition = head.definitions.get(name) or base.definitions[name]
            lines.append(f"| `{shown(name)}` | {how} | `{definition['path']}:{definition['line']}` |")
    else:
        lines.append("No definition differs.")
    count = sum(base.computes(name) != head.computes(name) for name in head.nodes)
    lines += ["", f"The SQL of {count} of {len(head.nodes)} relations computes something else than before."]
    diff = difference(base, head)
    if diff:
        total = len(diff.splitlines())
        lines += ["", "<details>", f"<summary>Compiled SQL of target <code>{head.target}</code>: {total} lines of difference</summary>", ""]
        lines += [*fenced(diff, limit - len("\n".join(lines)) - 200), "", "</details>"]
    said = f"Compiled as of {head.as_of}, without a connection. How much values move is not known here: no data were read."
    return "\n".join([*lines, "", said, ""])


def main() -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=pathlib.Path, help="the target folder of the base branch")
    parser.add_argument("head", type=pathlib.Path, help="the target folder of the change")
    parser.add_argument("--limit", type=int, default=60_000, help="characters; GitHub takes 65,536 (%(default)s)")
    parser.add_argument("--diff", type=pathlib.Path, metavar="FILE", help="also write the whole difference to FILE")
    options = parser.parse_args()
    base, head = Compiled(options.base), Compiled(options.head)
    if options.diff is not None:
        options.diff.write_text(difference(base, head) + "\n")
    print(markdown(base, head, options.limit), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
