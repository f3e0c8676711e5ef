"""Airflow 3: Milepost each day, as of the start of the day in which the data interval ends.

`milepost_run.py` lies in the folder of plugins, from which every release imports. The worker's environment names the
project (MILEPOST_PROJECT_DIR), the target (MILEPOST_TARGET) and, if it is not on the path, the program (MILEPOST_BIN).
"""

from __future__ import annotations

import datetime
import logging

import milepost_run
from airflow.sdk import Asset, dag, task
from airflow.timetables.interval import CronDataIntervalTimetable

try:
    from airflow.sdk.exceptions import AirflowFailException
except ImportError:  # The first releases of Airflow 3 have it elsewhere.
    from airflow.exceptions import AirflowFailException

log = logging.getLogger("milepost")

#: What other DAGs can be scheduled on: `schedule=[Asset("milepost")]`.
MEASURES = Asset("milepost")


@dag(
    # With a data interval, which a plain "0 5 * * *" has not in Airflow 3. Five hours are for raw rows that arrive late.
    schedule=CronDataIntervalTimetable("0 5 * * *", timezone="UTC"),
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
    # Each run replaces the relations as a whole: the last moment is the one that counts, and two at once are one too many.
    catchup=False,
    max_active_runs=1,
    tags=["milepost"],
    doc_md=__doc__,
)
def milepost_daily():
    """Tests the definitions, then makes their relations."""

    @task(
        retries=3,
        retry_delay=datetime.timedelta(minutes=5),
        retry_exponential_backoff=True,
        execution_timeout=datetime.timedelta(hours=4),
        outlets=[MEASURES],
    )
    def build(data_interval_end=None, dag_run=None) -> dict:
        """Runs `milepost build`; what it returns, the XCom, has counts, rows and errors, and no SQL.

        Fails at once where another try gives the same, and is tried again where it may succeed.
        """
        # A run that is triggered without a logical date has no interval; when it was to run is as steady.
        moment = milepost_run.latest("day", data_interval_end or dag_run.run_after)
        outcome = milepost_run.call(["build"], as_of=moment, say=log.info)
        if outcome.done:
            return outcome.summary()
        reasons = "\n".join(outcome.reasons())
        if outcome.worth_retrying:
            raise RuntimeError(f"this may pass:\n{reasons}")
        raise AirflowFailException(f"trying again gives the same:\n{reasons}")

    build()


milepost_daily()
