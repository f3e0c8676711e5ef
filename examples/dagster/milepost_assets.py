"""Dagster: an asset for each relation of a Milepost project, materialized by `milepost run`.

    dagster dev -f milepost_assets.py

`milepost_run.py` lies beside this file. The environment names the project (MILEPOST_PROJECT_DIR), the target (MILEPOST_TARGET)
and, if it is not on the path, the program (MILEPOST_BIN). The assets are read from the manifest when this file is loaded:
reload the code location when definitions have changed.
"""

import datetime
import json
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator

import dagster as dg
import milepost_run

PROJECT = pathlib.Path(os.environ.get("MILEPOST_PROJECT_DIR", ".")).resolve()


def compiled() -> dict:
    """The manifest, of a compilation into a folder that is removed again. Raises where the project has mistakes."""
    program = os.environ.get("MILEPOST_BIN") or "milepost"
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "compile", "--quiet", "--project-dir", str(PROJECT), "--target-path", folder]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return json.loads((pathlib.Path(folder) / "manifest.json").read_text())


MANIFEST = compiled()
NAME = MANIFEST["metadata"]["project"]
DEFINITIONS = {definition["unique_id"]: definition for definition in MANIFEST["definitions"]}


def target() -> dict:
    """The target that runs. Raises where there are several and MILEPOST_TARGET does not say which."""
    if len(MANIFEST["targets"]) > 1:
        names = ", ".join(target["name"] for target in MANIFEST["targets"])
        raise ValueError(f"set MILEPOST_TARGET to one of {names}")
    return MANIFEST["targets"][0]


TARGET = target()

#: The relations; the schema that they lie in is none.
NODES = {node["unique_id"]: node for node in TARGET["nodes"] if node["kind"] != "schema"}


def key(unique_id: str) -> dg.AssetKey:
    """`kpi.acme.kpi_signups` is the asset `acme/kpi_signups`; a raw source or entity `acme/raw/events`."""
    _, project, name = unique_id.split(".", 2)
    return dg.AssetKey([project, name] if unique_id in NODES else [project, "raw", name])


def spec(node: dict) -> dg.AssetSpec:
    """Describes a relation by its definition, its columns and the place of its SQL."""
    definition = DEFINITIONS.get(node["definition"]) or {}
    columns = [dg.TableColumn(name=column["name"], type=column["type"]) for column in node["columns"]]
    read = {source["unique_id"] for source in MANIFEST["sources"] if node["unique_id"] in source["read_by"]}
    above = [above for above in node["depends_on"] if above in NODES]
    return dg.AssetSpec(
        key=key(node["unique_id"]),
        deps=[key(above) for above in [*above, *sorted(read)]],
        description=definition.get("description") or definition.get("title"),
        # What people ask for stands apart from what it is read off.
        group_name=node["kind"] if node["definition"] else "intermediate",
        kinds={"sql", TARGET["dialect"]},
        tags={tag: "" for tag in node["tags"]},
        code_version=node["definition_sha256"],
        metadata={
            "dagster/table_name": (node["relation_name"] or "").replace('"', "").replace("`", ""),
            "dagster/column_schema": dg.TableSchema(columns=columns),
            "materialization": node["materialization"],
            "owner": definition.get("owner") or "",
        },
    )


class Moment(dg.Config):
    """The moment to measure at, of RFC 3339; without it, the start of the day in UTC on which the run was launched."""

    as_of: str | None = None


@dg.multi_asset(
    name="milepost",
    specs=[spec(node) for node in NODES.values()],
    can_subset=True,
    retry_policy=dg.RetryPolicy(max_retries=3, delay=300, backoff=dg.Backoff.EXPONENTIAL),
    # Two runs of one project at once are one too many: set this pool's limit to 1.
    pool="milepost",
)
def milepost(context: dg.AssetExecutionContext, config: Moment) -> Iterator[dg.MaterializeResult]:
    """Tests the definitions and makes all relations, or makes those that are selected, by their definitions.

    What was made is materialized also where another relation failed. Where trying again gives the same, it is not.
    """
    wanted = {name for name in NODES if key(name) in context.selected_asset_keys}
    if wanted == set(NODES):
        arguments = ["build"]
    else:
        of = {NODES[name]["definition"] for name in wanted} - {None}
        definitions = sorted(f"{DEFINITIONS[name]['kind']}.{DEFINITIONS[name]['name']}" for name in of)
        if not definitions:
            raise dg.Failure("select a definition's relation: what it is read off is made with it", allow_retries=False)
        arguments = ["run", "--select", *definitions]
    if config.as_of is not None:
        as_of = datetime.datetime.fromisoformat(config.as_of)
    elif arguments == ["build"]:
        record = context.instance.get_run_record_by_id(context.run_id)
        as_of = milepost_run.latest("day", record.create_timestamp)
    else:
        # A part is made as of the moment of what is there, which Milepost knows.
        as_of = None

    outcome = milepost_run.call([*arguments, "--project-dir", str(PROJECT)], as_of=as_of, say=context.log.info)
    for result in (outcome.results or {"results": []})["results"]:
        name = result["unique_id"]
        if name not in NODES or result["status"] not in milepost_run.GOOD:
            continue
        # More than was selected may have been made: what that reads, and what reads it.
        metadata = {
            "as_of": outcome.summary()["as_of"],
            "status": result["status"],
            "seconds": result["execution_time"],
            **({} if result["rows_affected"] is None else {"dagster/row_count": result["rows_affected"]}),
            **({} if result["bytes_processed"] is None else {"bytes processed": result["bytes_processed"]}),
        }
        if name in wanted:
            yield dg.MaterializeResult(asset_key=key(name), metadata=metadata)
        else:
            context.log_event(dg.AssetMaterialization(asset_key=key(name), metadata=metadata))
    if not outcome.done:
        raise dg.Failure("\n".join(outcome.reasons()), allow_retries=outcome.worth_retrying)


everything = dg.define_asset_job("milepost_everything", selection=[key(name) for name in NODES])


@dg.schedule(job=everything, cron_schedule="0 5 * * *", execution_timezone="UTC")
def each_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Each day at 05:00, as of the start of the day: however late it begins, and however often it is tried."""
    moment = milepost_run.latest("day", context.scheduled_execution_time)
    return dg.RunRequest(run_config={"ops": {"milepost": {"config": {"as_of": milepost_run.instant(moment)}}}})


raw = [
    dg.AssetSpec(key=key(source["unique_id"]), group_name="raw", description="Raw rows, which Milepost only reads")
    for source in MANIFEST["sources"]
]

defs = dg.Definitions(assets=[milepost, *raw], jobs=[everything], schedules=[each_day])
