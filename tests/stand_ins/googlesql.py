"""Google's reference implementation of GoogleSQL as a service of JSON lines, for the tests of what is compiled for BigQuery.

One long-lived process: a request a line on stdin, an answer a line on stdout, in order. Requests know nothing of each
other. A first line, `{"ready": true, ...}`, says that it has started: the machine code of the engine is made once, in a
minute, and kept in the folder `MILEPOST_GOOGLESQL_CACHE`, by default beside the virtual environment.

A request, in which every key may be left out:

    {"tables": [{"name": "raw.events", "columns": [["id", "INT64"], ["at", "TIMESTAMP"]], "rows": [["1", null]]}],
     "statements": [{"node": "kpi_x", "sql": "CREATE OR REPLACE TABLE `p`.`s`.`kpi_x` AS SELECT ..."}],
     "keep": ["kpi_x"], "time_zone": "UTC", "evaluate": true}

`tables` are raw tables. `statements` are run in order: `CREATE [OR REPLACE] TABLE|VIEW name AS query` is analyzed against
the tables as they are by then, evaluated, and kept as a table; a query alone is evaluated; `CREATE SCHEMA` is passed over.
`keep` are the last parts of the names to answer with: all, if left out. With `"evaluate": false` statements are analyzed
only, so that tables need no rows. `time_zone` is the default zone, which no compiled statement may depend on.

The answer:

    {"relations": {"kpi_x": {"columns": [["value", "FLOAT64"]], "rows": [[0.5]]}},
     "errors": [{"node": "kpi_y", "error": "INVALID_ARGUMENT: ...", "phase": "analyze"}]}

A relation is named by the last part of its name, and a query by its node. What depends on a statement that failed is
refused too: its table is not there. `phase` is `analyze` for what is no GoogleSQL, and `evaluate` for what fails as it
runs. An answer to a line that is no request has only `error`.

Values, both ways, are null or

    BOOL        true, false                    STRING, JSON   the text
    INT64       "123" (a number too, inward)   DATE           "2026-01-31"
    FLOAT64     0.5, or "NaN", "Infinity"      TIMESTAMP      "2026-01-31T10:00:00.000000Z"
    NUMERIC     "12.5"                         DATETIME       "2026-01-31T10:00:00.000000"
    ARRAY<T>    [...]                          STRUCT<a T>    [...], a cell a field
"""

import datetime
import decimal
import hashlib
import importlib.metadata
import json
import math
import os
import pathlib
import re
import sys

import tzdata
import wasmtime
import zetasql.wasi
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.public import options_pb2, type_pb2, value_pb2

EPOCH = datetime.datetime(1970, 1, 1)
SCALARS = {
    "BOOL": type_pb2.TYPE_BOOL,
    "INT64": type_pb2.TYPE_INT64,
    "FLOAT64": type_pb2.TYPE_DOUBLE,
    "NUMERIC": type_pb2.TYPE_NUMERIC,
    "STRING": type_pb2.TYPE_STRING,
    "JSON": type_pb2.TYPE_JSON,
    "DATE": type_pb2.TYPE_DATE,
    "DATETIME": type_pb2.TYPE_DATETIME,
    "TIMESTAMP": type_pb2.TYPE_TIMESTAMP,
}
NAMES = {kind: name for name, kind in SCALARS.items()}
# BigQuery's TIMESTAMP has microseconds.
LACKING = ["FEATURE_TIMESTAMP_NANOS", "FEATURE_TIMESTAMP_PICOS"]
CREATE = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:TABLE|VIEW)\s+(?P<name>(?:`[^`]*`|\w+)(?:\.(?:`[^`]*`|\w+))*)"
    r"\s+(?:PARTITION BY .*?|CLUSTER BY .*?|OPTIONS\s*\(.*?\)\s*)*AS\b(?P<query>.*)",
    re.IGNORECASE | re.DOTALL,
)
COMMENTS = re.compile(r"\A(?:\s*--[^\n]*\n)*")


class Failure(Exception):
    """What the engine says of a statement that it refuses."""


class Engine:
    """The reference implementation: a WebAssembly module, called with protocol buffers."""

    def __init__(self, cache):
        config = wasmtime.Config()
        config.shared_memory = True
        engine = wasmtime.Engine(config)
        wasi = wasmtime.WasiConfig()
        # The first lines of stdin are requests, and of stdout answers: the module gets neither.
        wasi.inherit_stderr()
        wasi.preopen_dir(os.path.join(os.path.dirname(tzdata.__file__), "zoneinfo"), "/usr/share/zoneinfo")
        self.store = wasmtime.Store(engine)
        self.store.set_wasi(wasi)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        self.exports = linker.instantiate(self.store, compiled(engine, cache)).exports(self.store)
        self.memory = self.exports["memory"]
        if "_initialize" in self.exports:
            self.exports["_initialize"](self.store)

    def call(self, name, request, response):
        """Calls a function of the service, and returns its response, or raises what it says."""
        data = request.SerializeToString()
        sent = self.exports["wasm_malloc"](self.store, max(len(data), 1))
        size = self.exports["wasm_malloc"](self.store, 4)
        try:
            self.write(sent, data)
            got = self.exports[f"ZetaSqlLocalService_{name}"](self.store, sent, len(data), size)
            if got == 0:
                length = self.exports["wasm_get_last_error_size"](self.store)
                raise Failure(self.read(self.exports["wasm_get_last_error"](self.store), length).decode().strip("\0"))
            answer = response.FromString(self.read(got, int.from_bytes(self.read(size, 4), "little")))
            self.exports["wasm_free"](self.store, got)
            return answer
        finally:
            self.exports["wasm_free"](self.store, sent)
            self.exports["wasm_free"](self.store, size)

    def read(self, start, size):
        """Copies bytes out of the module's memory."""
        if hasattr(self.memory, "read"):
            return bytes(self.memory.read(self.store, start, start + size))
        return bytes(self.memory.data_ptr()[start : start + size])

    def write(self, start, data):
        """Copies bytes into the module's memory."""
        if hasattr(self.memory, "write"):
            self.memory.write(self.store, data, start)
        else:
            import ctypes

            ctypes.memmove(ctypes.addressof(self.memory.data_ptr().contents) + start, data, len(data))


def compiled(engine, cache):
    """Returns the module, whose machine code is made once for a version of it and of what makes it."""
    path = pathlib.Path(zetasql.wasi.get_wasm_path())
    versions = [importlib.metadata.version(package) for package in ("zetasql", "wasmtime")]
    key = f"{versions} {path.stat().st_size} {os.uname().machine}"
    kept = cache / f"googlesql-{hashlib.sha256(key.encode()).hexdigest()[:12]}.cwasm"
    try:
        return wasmtime.Module.deserialize_file(engine, str(kept))
    except (OSError, wasmtime.WasmtimeError):
        module = wasmtime.Module.from_file(engine, str(path))
        cache.mkdir(parents=True, exist_ok=True)
        half = kept.with_suffix(f".{os.getpid()}")
        half.write_bytes(module.serialize())
        half.replace(kept)
        return module


# ---------------------------------------------------------------------------------------------------------------------
# Types and values
# ---------------------------------------------------------------------------------------------------------------------


def parts(text):
    """Splits at the commas that are in no angle brackets."""
    depth, start = 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "<") - (letter == ">")
        if letter == "," and depth == 0:
            yield text[start:place].strip()
            start = place + 1
    yield text[start:].strip()


def parse_type(text):
    """Reads a type as it is written, such as `STRUCT<a INT64, b ARRAY<STRING>>`."""
    text = text.strip()
    made = type_pb2.TypeProto()
    if text.upper().startswith("ARRAY<"):
        made.type_kind = type_pb2.TYPE_ARRAY
        made.array_type.element_type.CopyFrom(parse_type(text[6:-1]))
    elif text.upper().startswith("STRUCT<"):
        made.type_kind = type_pb2.TYPE_STRUCT
        for field in parts(text[7:-1]):
            name, _, kind = field.partition(" ")
            made.struct_type.field.add(field_name=name.strip("`"), field_type=parse_type(kind))
    else:
        made.type_kind = SCALARS[text.upper()]
    return made


def print_type(kind):
    """Writes a type as `parse_type` reads it."""
    if kind.type_kind == type_pb2.TYPE_ARRAY:
        return f"ARRAY<{print_type(kind.array_type.element_type)}>"
    if kind.type_kind == type_pb2.TYPE_STRUCT:
        fields = (f"{field.field_name} {print_type(field.field_type)}" for field in kind.struct_type.field)
        return f"STRUCT<{', '.join(fields)}>"
    return NAMES.get(kind.type_kind) or type_pb2.TypeKind.Name(kind.type_kind).removeprefix("TYPE_")


def microseconds(text):
    """The microseconds since 1970 of a time, in UTC where it has no offset."""
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is not None:
        moment = moment.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


# A DATETIME is six bit fields: https://github.com/google/zetasql/blob/master/zetasql/public/civil_time.h
def packed(moment):
    """The seconds of a DATETIME, a bit field for each part of it."""
    date = moment.year << 26 | moment.month << 22 | moment.day << 17
    return date | moment.hour << 12 | moment.minute << 6 | moment.second


def unpacked(bits, nanoseconds):
    """The DATETIME of bit fields."""
    date = (bits >> 26, bits >> 22 & 15, bits >> 17 & 31)
    return datetime.datetime(*date, bits >> 12 & 31, bits >> 6 & 63, bits & 63, nanoseconds // 1000)


def to_proto(value, kind):
    """A value of JSON as the engine takes it."""
    made = value_pb2.ValueProto()
    if value is None:
        return made
    name = NAMES.get(kind.type_kind)
    if kind.type_kind == type_pb2.TYPE_ARRAY:
        made.array_value.SetInParent()
        made.array_value.element.extend(to_proto(item, kind.array_type.element_type) for item in value)
    elif kind.type_kind == type_pb2.TYPE_STRUCT:
        made.struct_value.SetInParent()
        fields = zip(value, kind.struct_type.field, strict=True)
        made.struct_value.field.extend(to_proto(item, field.field_type) for item, field in fields)
    elif name == "BOOL":
        made.bool_value = value
    elif name == "INT64":
        made.int64_value = int(value)
    elif name == "FLOAT64":
        made.double_value = float(value)
    elif name == "NUMERIC":
        scaled = int(decimal.Decimal(value).scaleb(9).to_integral_value(decimal.ROUND_HALF_UP))
        made.numeric_value = scaled.to_bytes((scaled.bit_length() + 8) // 8, "little", signed=True)
    elif name == "STRING":
        made.string_value = value
    elif name == "JSON":
        made.json_value = value
    elif name == "DATE":
        made.date_value = microseconds(value) // 86_400_000_000
    elif name == "DATETIME":
        moment = datetime.datetime.fromisoformat(value)
        made.datetime_value.bit_field_datetime_seconds = packed(moment)
        made.datetime_value.nanos = moment.microsecond * 1000
    else:
        made.timestamp_value.FromMicroseconds(microseconds(value))
    return made


def from_proto(value, kind):
    """A value of the engine as JSON has it."""
    held = value.WhichOneof("value")
    if held is None:
        return None
    name = NAMES.get(kind.type_kind)
    if kind.type_kind == type_pb2.TYPE_ARRAY:
        return [from_proto(item, kind.array_type.element_type) for item in value.array_value.element]
    if kind.type_kind == type_pb2.TYPE_STRUCT:
        return [from_proto(i, f.field_type) for i, f in zip(value.struct_value.field, kind.struct_type.field)]
    if name == "INT64":
        return str(value.int64_value)
    if name == "FLOAT64":
        number = value.double_value
        return number if math.isfinite(number) else {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(number)]
    if name == "NUMERIC":
        scaled = int.from_bytes(value.numeric_value, "little", signed=True)
        text = format(decimal.Decimal(scaled).scaleb(-9), "f")
        return text.rstrip("0").rstrip(".")
    if name == "DATE":
        return (EPOCH + datetime.timedelta(days=value.date_value)).date().isoformat()
    if name == "DATETIME":
        return unpacked(value.datetime_value.bit_field_datetime_seconds, value.datetime_value.nanos).isoformat(
            timespec="microseconds"
        )
    if name == "TIMESTAMP":
        moment = EPOCH + datetime.timedelta(microseconds=value.timestamp_value.ToMicroseconds())
        return moment.isoformat(timespec="microseconds") + "Z"
    return getattr(value, held)


# ---------------------------------------------------------------------------------------------------------------------
# Requests
# ---------------------------------------------------------------------------------------------------------------------


class Database:
    """The tables of one request: by their path, the types of their columns and their rows."""

    def __init__(self, engine, time_zone):
        self.engine = engine
        self.tables = {}
        self.options = service.AnalyzeRequest().options
        self.options.default_timezone = time_zone
        language = engine.call(
            "GetLanguageOptions",
            service.LanguageOptionsRequest(maximum_features=True),
            type(self.options.language_options),
        )
        language.product_mode = options_pb2.PRODUCT_EXTERNAL
        lacking = {options_pb2.LanguageFeature.Value(feature) for feature in LACKING}
        features = [feature for feature in language.enabled_language_features if feature not in lacking]
        del language.enabled_language_features[:]
        language.enabled_language_features.extend(features)
        self.options.language_options.CopyFrom(language)

    def add(self, path, columns, rows):
        """Adds a table, or replaces it; rows are those of the engine."""
        self.tables[path] = (columns, rows)

    def used(self, sql):
        """The tables that a query may read: those whose path it names."""
        text = sql.replace("`", "")
        return [(path, *table) for path, table in self.tables.items() if ".".join(path) in text]

    def fill(self, request):
        """Puts the options, and a catalog of the functions, into a request; returns the catalog."""
        request.options.CopyFrom(self.options)
        catalog = request.simple_catalog
        catalog.builtin_function_options.language_options.CopyFrom(self.options.language_options)
        return catalog

    def types(self, sql):
        """The columns of a query, as BigQuery would analyze it."""
        request = service.AnalyzeRequest(sql_statement=sql)
        folders = {(): self.fill(request)}
        for path, columns, _ in self.used(sql):
            for depth in range(1, len(path)):
                if path[:depth] not in folders:
                    folders[path[:depth]] = folders[path[: depth - 1]].catalog.add(name=path[depth - 1])
            declare(folders[path[:-1]].table.add(name=path[-1]), columns)
        analyzed = self.engine.call("Analyze", request, service.AnalyzeResponse)
        query = analyzed.resolved_statement.resolved_query_stmt_node
        return [(column.name, column.column.type) for column in query.output_column_list]

    def rows(self, sql):
        """The rows of a query, as the engine has them."""
        # Contents are found for tables of the outermost catalog only, so that a path becomes one name.
        request = service.EvaluateQueryRequest()
        catalog = self.fill(request)
        for path, columns, rows in self.used(sql):
            name = ".".join(path)
            for written in (".".join(f"`{part}`" for part in path), name):
                sql = re.sub(rf"(?<![\w`.]){re.escape(written)}(?![\w`.])", f"`{name}`", sql)
            declare(catalog.table.add(name=name), columns)
            request.table_content[name].table_data.row.extend(rows)
            request.table_content[name].table_data.SetInParent()
        request.sql = sql
        answered = self.engine.call("EvaluateQuery", request, service.EvaluateQueryResponse)
        return list(answered.content.table_data.row)


def declare(table, columns):
    """Gives a table of a catalog its columns."""
    for name, kind in columns:
        table.column.add(name=name).type.CopyFrom(kind)


def path_of(name):
    """The parts of a name, however it is quoted."""
    return tuple(name.replace("`", "").split("."))


def answer(engine, request):
    """Runs the statements of a request."""
    database = Database(engine, request.get("time_zone", "UTC"))
    evaluate = request.get("evaluate", True)
    for table in request.get("tables", []):
        columns = [(name, parse_type(kind)) for name, kind in table["columns"]]
        rows = []
        for cells in table.get("rows", []):
            row = service.TableData.Row()
            row.cell.extend(to_proto(cell, kind) for cell, (_, kind) in zip(cells, columns, strict=True))
            rows.append(row)
        database.add(path_of(table["name"]), columns, rows)
    keep, relations, errors = request.get("keep"), {}, []
    for statement in request.get("statements", []):
        sql = COMMENTS.sub("", statement["sql"]).rstrip().rstrip(";")
        if re.match(r"\s*CREATE\s+SCHEMA\b", sql, re.IGNORECASE):
            continue
        created = CREATE.fullmatch(sql)
        query = created["query"] if created else sql
        phase = "analyze"
        try:
            columns = database.types(query)
            phase = "evaluate"
            rows = database.rows(query) if evaluate else []
        except Failure as failure:
            errors.append({"node": statement["node"], "phase": phase, "error": str(failure)})
            continue
        path = path_of(created["name"]) if created else (statement["node"],)
        if created:
            database.add(path, columns, rows)
        if keep is None or path[-1] in keep:
            relations[path[-1]] = {
                "columns": [[name, print_type(kind)] for name, kind in columns],
                "rows": [[from_proto(cell, kind) for cell, (_, kind) in zip(row.cell, columns)] for row in rows],
            }
    return {"relations": relations, "errors": errors}


def main():
    """Answers requests until there are no more."""
    cache = os.environ.get("MILEPOST_GOOGLESQL_CACHE")
    engine = Engine(pathlib.Path(cache) if cache else pathlib.Path(sys.prefix).parent)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        if not line.strip():
            continue
        try:
            said = answer(engine, json.loads(line))
        except (Failure, LookupError, TypeError, ValueError, ArithmeticError) as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
