"""Runs dbt on exports, one after another in one process, for starting it takes longer than most of them.

Standard input holds a list of JSON: each entry has `args` of dbt, the `folder` to run it in and, where two databases are compared afterwards, `databases`
and the `schema`. What fails, or differs, is printed with a word of JSON on each line; the exit code is then 1.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import duckdb
from dbt.cli.main import dbtRunner


def relations(connection, catalog, schema):
    """The relations of a schema, each with its columns and their types."""
    rows = connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name = ? ORDER BY table_name, column_index",
        [catalog, schema],
    ).fetchall()
    found = {}
    for table, column, data_type in rows:
        found.setdefault(table, []).append((column, data_type))
    return found


def as_compared(column, data_type):
    """A column as it is compared: of what is added up in any order, the digits that do not depend on it."""
    name = '"' + column.replace('"', '""') + '"'
    return f"PRINTF('%.12g', {name}) AS {name}" if data_type == "DOUBLE" else name


def differences(databases, schema):
    """What differs in the relations of two databases, and how many relations and rows there are."""
    with duckdb.connect() as connection:
        # A view names the database that it was made in.
        names = [Path(path).stem for path in databases]
        for name, path in zip(names, databases):
            connection.execute(f"""ATTACH '{path}' AS "{name}" (READ_ONLY)""")
        ours, theirs = (relations(connection, name, schema) for name in names)
        told = [f"{name}: only one has it" for name in sorted(set(ours) ^ set(theirs))]
        count = 0
        for name in sorted(set(ours) & set(theirs)):
            if ours[name] != theirs[name]:
                told.append(f"{name}: the columns are {ours[name]} and {theirs[name]}")
                continue
            columns = ", ".join(as_compared(*column) for column in ours[name])
            whole = [f'SELECT {columns} FROM "{side}"."{schema}"."{name}"' for side in names]
            count += connection.execute(f"SELECT COUNT(*) FROM ({whole[0]})").fetchone()[0]
            for one, other in (whole, reversed(whole)):
                rows = connection.execute(f"SELECT * FROM ({one} EXCEPT ALL {other}) LIMIT 3").fetchall()
                told.extend(f"{name}: a row that only one has: {row}" for row in rows)
    return told, len(ours), count


def build(entry):
    """Runs dbt in a process of its own, which has all modules already: what it says, where it fails."""
    with tempfile.TemporaryFile("w+") as said:
        process = os.fork()
        if process == 0:
            os.chdir(entry["folder"])
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            result = dbtRunner().invoke(["--quiet", "--no-use-colors", *entry["args"]])
            print(result.exception or "")
            sys.stdout.flush()
            os._exit(not result.success)
        if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0:
            return []
        said.seek(0)
        return [f"{' '.join(entry['args'])}: {said.read()}"]


def main():
    failed = False
    for entry in json.load(sys.stdin):
        told, count, rows = build(entry), 0, 0
        if not told and "databases" in entry:
            told, count, rows = differences(entry["databases"], entry["schema"])
        failed = failed or bool(told)
        whole = {"folder": entry["folder"], "args": entry["args"], "told": told, "relations": count, "rows": rows}
        print(json.dumps(whole), flush=True)
    sys.exit(failed)


main()
