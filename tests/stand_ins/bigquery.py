"""Starts local-bigquery so that it stays quick.

It looks through the catalogs of all its databases several times a statement, and keeps the result of every query as a
table for ever, so that it grows slower with each. What is changed is where things are kept, and for how long. How SQL
is read and what rows it gives is local-bigquery's own, with one exception.

* Tables are kept in memory and not in a DuckLake: nothing outlives the server, which starts with nothing in it anyway.
* The results of the last KEPT queries are kept, where BigQuery keeps a day's.
* SAFE.TIMESTAMP_ADD and its like are tried as they stand: it takes the unit of the interval for one of the arguments,
  whose values it moves out of the call, and refuses what comes of it.
"""

import collections
import threading

from sqlglot import exp

from local_bigquery import cli
from local_bigquery.catalog import tables
from local_bigquery.engine import database
from local_bigquery.jobs import runner
from local_bigquery.sql import rules
from local_bigquery.sql.rules import safe

KEPT = 32

submit = runner.submit
results = collections.deque()
turn = threading.Lock()


def attach(connection, project):
    connection.execute(f"ATTACH IF NOT EXISTS ':memory:' AS {database.quote(project)}")
    database._attached.add(project)


def forgetting(project, job, *rest):
    """Submits a job, and forgets the results of old ones that are over."""
    submitted = submit(project, job, *rest)
    with turn:
        if submitted.jobReference.jobId is not None:
            results.append((project, job))
        while len(results) > KEPT and results[0] not in runner._running:
            old_project, old_job = results.popleft()
            database.execute(f"DROP TABLE IF EXISTS {tables.name(old_project, tables.RESULTS, old_job)}")
    return submitted


def safe_function(node, context):
    """What SAFE in front of a function is in DuckDB."""
    if isinstance(node, exp.SafeFunc) and node.find(exp.DateAdd, exp.DatetimeAdd, exp.TimestampAdd):
        return exp.func("TRY", node.this)
    return safe.safe_function(node, context)


database._attach = attach
rules.NODE_RULES[rules.NODE_RULES.index(safe.safe_function)] = safe_function
database.projects = lambda: sorted(database._attached)
runner.submit = forgetting

if __name__ == "__main__":
    cli.main()
