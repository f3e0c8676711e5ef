"""Makes fakesnow and snowduck answer as Snowflake answers clients that read JSON results; an ASGI application.

    SHIM_BACKEND=fakesnow.server:app uvicorn snowflake_shim:app --port 18084

Neither package is changed. Between client and backend the shim

* adds the session parameters that a login may leave out, without which fakesnow fails, and takes the quotes off the names
  in it, which snowduck does not know;
* turns an Arrow result into the JSON rowset of Snowflake's protocol, and `chunks: null` into no chunks;
* gives every answer a query id, an error too, and makes an HTTP 500 for unsupported SQL the error that it is;
* interrupts the statement that an abort request names, which then fails with Snowflake's code 000604;
* gives variants their types back. Both backends keep a variant as JSON, in which a time is a string: `TYPEOF` of it is
  'JSON', and most of `AS_DATE`, `AS_TIMESTAMP_NTZ` and the like are missing. Calls of these functions become calls of
  the macros below, which do what Snowflake documents: https://docs.snowflake.com/en/sql-reference/functions/typeof,
  https://docs.snowflake.com/en/sql-reference/functions/as_timestamp;
* takes off the head of a table what neither backend knows and no row depends on: its retention, and that it keeps its
  tags;
* reads hexadecimal digits by `TO_NUMBER(digits, 'XXX')`, which fakesnow refuses and snowduck reads wrongly, and adds
  more than 2^31 microseconds by `DATEADD`, which snowduck cannot;
* writes a date or a time in the format that `TO_CHAR` is given, which both leave out where they do not know the type;
* escapes the backslashes of a pattern of `REGEXP_REPLACE` once more, as fakesnow takes two off.
"""

import asyncio
import base64
import contextlib
import datetime
import decimal
import gzip
import importlib
import json
import os
import re
import uuid
from urllib.parse import parse_qsl, urlencode

import pyarrow

MODULE, ATTRIBUTE = os.environ.get("SHIM_BACKEND", "fakesnow.server:app").split(":")
BACKEND = getattr(importlib.import_module(MODULE), ATTRIBUTE)

# ---------------------------------------------------------------------------------------------------------------------
# Variants
# ---------------------------------------------------------------------------------------------------------------------

# A variant is here whatever it was made of: a column's value of its own type, or JSON. With macros in macros, DuckDB 2.0
# fails in propagating statistics: "BindBuiltinScalarFunction did not return a BoundFunctionExpression".
MACROS = """
SET disabled_optimizers = 'statistics_propagation';
CREATE OR REPLACE TEMP MACRO shim_to_variant(value) AS value;
CREATE OR REPLACE TEMP MACRO shim_typeof(value) AS
  CASE
    WHEN value IS NULL THEN NULL
    WHEN TYPEOF(value) IN ('TIMESTAMP', 'TIMESTAMP_NS', 'TIMESTAMP_MS', 'TIMESTAMP_S') THEN 'TIMESTAMP_NTZ'
    WHEN TYPEOF(value) = 'TIMESTAMP WITH TIME ZONE' THEN 'TIMESTAMP_TZ'
    WHEN TYPEOF(value) IN ('DATE', 'TIME', 'BOOLEAN', 'DOUBLE', 'VARCHAR') THEN TYPEOF(value)
    WHEN TYPEOF(value) = 'FLOAT' THEN 'DOUBLE'
    WHEN TYPEOF(value) LIKE 'DECIMAL(%,0)' THEN 'INTEGER'
    WHEN TYPEOF(value) LIKE 'DECIMAL%' THEN 'DECIMAL'
    WHEN TYPEOF(value) LIKE '%INT%' THEN 'INTEGER'
    WHEN TYPEOF(value) = 'BLOB' THEN 'BINARY'
    WHEN TYPEOF(value) = 'JSON' THEN
      CASE JSON_TYPE(TRY_CAST(CAST(value AS VARCHAR) AS JSON))
        WHEN 'NULL' THEN 'NULL_VALUE'
        WHEN 'BIGINT' THEN 'INTEGER'
        WHEN 'UBIGINT' THEN 'INTEGER'
        ELSE JSON_TYPE(TRY_CAST(CAST(value AS VARCHAR) AS JSON))
      END
    WHEN TYPEOF(value) LIKE '%[]' THEN 'ARRAY'
    ELSE 'OBJECT'
  END;
CREATE OR REPLACE TEMP MACRO shim_as_date(value) AS
  CASE WHEN TYPEOF(value) = 'DATE' THEN TRY_CAST(value AS DATE) END;
CREATE OR REPLACE TEMP MACRO shim_as_timestamp_ntz(value) AS
  CASE WHEN shim_typeof(value) = 'TIMESTAMP_NTZ' THEN TRY_CAST(value AS TIMESTAMP) END;
CREATE OR REPLACE TEMP MACRO shim_as_timestamp_tz(value) AS
  CASE WHEN shim_typeof(value) = 'TIMESTAMP_TZ' THEN TRY_CAST(value AS TIMESTAMPTZ) END;
CREATE OR REPLACE TEMP MACRO shim_as_timestamp_ltz(value) AS shim_as_timestamp_tz(value);
CREATE OR REPLACE TEMP MACRO shim_as_double(value) AS
  CASE WHEN shim_typeof(value) IN ('DOUBLE', 'DECIMAL', 'INTEGER') THEN TRY_CAST(value AS DOUBLE) END;
CREATE OR REPLACE TEMP MACRO shim_to_number(digits, format) AS CAST('0x' || digits AS BIGINT);
CREATE OR REPLACE TEMP MACRO shim_to_char(value, format) AS
  CASE format
    WHEN 'YYYY-MM-DD' THEN STRFTIME(CAST(value AS TIMESTAMP), '%Y-%m-%d')
    WHEN 'YYYY-MM-DD HH24:MI:SS.FF6' THEN STRFTIME(CAST(value AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%f')
    ELSE ERROR('the shim does not know the format ' || format)
  END;
CREATE OR REPLACE TEMP MACRO shim_add_microseconds(number, value) AS
  CAST(value AS TIMESTAMP) + TO_MICROSECONDS(CAST(number AS BIGINT));
CREATE OR REPLACE TEMP MACRO shim_as_varchar(value) AS
  CASE
    WHEN TYPEOF(value) = 'VARCHAR' THEN CAST(value AS VARCHAR)
    WHEN shim_typeof(value) = 'VARCHAR' THEN JSON_EXTRACT_STRING(TRY_CAST(CAST(value AS VARCHAR) AS JSON), '$')
  END;
"""
# A call comes first, where it begins with text; other text, quoted names and comments are passed over.
CALLS = re.compile(
    r"""\b(?P<function>TO_VARIANT|TYPEOF|AS_DATE|AS_TIMESTAMP_(?:NTZ|LTZ|TZ)|AS_DOUBLE|AS_VARCHAR"""
    r"""|TO_NUMBER|TO_CHAR)(?=\()"""
    r"""|\b(?P<add>DATEADD\('microsecond', ?)"""
    r"""|'(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|--[^\n]*""",
    re.IGNORECASE | re.DOTALL,
)


# In the pattern of the strings of a JSON document; `\\\\` in the source of a pattern is one backslash that is escaped.
STRINGS = r'"([^"\\\\]'
HEAD = re.compile(r"(?: DATA_RETENTION_TIME_IN_DAYS = [01])? COPY GRANTS COPY TAGS\b")


def with_macros(sql):
    """Has the statement call the macros in place of the functions, and not say of a table what no backend knows."""

    def replace(found):
        if found["add"]:
            return "shim_add_microseconds("
        if STRINGS in found[0] and MODULE.startswith("fakesnow"):
            return found[0].replace("\\\\", "\\\\\\\\")
        return f"shim_{found['function'].lower()}" if found["function"] else found[0]

    return CALLS.sub(replace, HEAD.sub(" COPY GRANTS", sql))


prepared = set()


def prepare(token):
    """Gives a session its macros, once."""
    if token in prepared:
        return
    try:
        connection(token).execute(MACROS)
    except LookupError:
        return  # An unknown session: the backend says so.
    prepared.add(token)


def connection(token):
    """The connection of a session to the DuckDB that does the work."""
    if MODULE.startswith("fakesnow"):
        return importlib.import_module(MODULE).sessions[token]._duck_conn
    session = importlib.import_module("snowduck.server.shared").session_manager.get_session(token)
    if session is None:
        raise LookupError(token)
    return session._duck_conn


# ---------------------------------------------------------------------------------------------------------------------
# Results
# ---------------------------------------------------------------------------------------------------------------------


def cell(value, kind):
    """A value of an Arrow column as a cell of Snowflake's JSON rowset: text, or null."""
    if value is None:
        return None
    if isinstance(value, dict):  # Snowflake's structure of a time
        if value["epoch"] is None:
            return None
        text = f"{value['epoch']}.{value['fraction']:09d}"
        return f"{text} {value['timezone']}" if "timezone" in value else text
    if kind == "boolean":
        return "1" if value else "0"
    if kind == "date":
        return str((value - datetime.date(1970, 1, 1)).days)
    if kind == "time":
        return f"{int(value) // 10**9}.{int(value) % 10**9:09d}"
    if kind == "binary":
        return bytes(value).hex().upper()
    if kind == "fixed":
        return format(value, "f") if isinstance(value, decimal.Decimal) else str(value)
    if kind == "real":
        return repr(float(value))
    return value if isinstance(value, str) else json.dumps(value, default=str)


def protocol(answer):
    """Turns the backend's answer into that of Snowflake's protocol."""
    data = answer.get("data")
    if data is None or answer.get("success") is False:
        answer["data"] = {**(data or {}), "queryId": (data or {}).get("queryId") or str(uuid.uuid4())}
        return answer
    if data.get("queryResultFormat") == "arrow":
        rows = []
        if arrow := base64.b64decode(data.pop("rowsetBase64", "") or ""):
            table = pyarrow.ipc.open_stream(arrow).read_all()
            kinds = [column["type"].lower() for column in data["rowtype"]]
            columns = [[cell(value, kind) for value in c.to_pylist()] for c, kind in zip(table.columns, kinds)]
            rows = [list(row) for row in zip(*columns)]
        data.update(queryResultFormat="json", rowset=rows, total=len(rows), returned=len(rows))
    for key in ("chunkHeaders", "chunks"):
        if data.get(key) is None:
            data.pop(key, None)
    return answer


# ---------------------------------------------------------------------------------------------------------------------
# Requests
# ---------------------------------------------------------------------------------------------------------------------

# The sessions of snowduck share one connection to DuckDB, and with it results: one statement at a time.
turns = asyncio.Lock() if MODULE.startswith("snowduck") else contextlib.nullcontext()
running = {}  # The session of each request that runs.
aborted = set()  # The requests that were aborted as they ran.


async def app(scope, receive, send):
    """Passes a request on to the backend, and its answer back."""
    if scope["type"] != "http":
        return await BACKEND(scope, receive, send)
    body = await read(receive)
    headers = dict(scope["headers"])
    token = headers.get(b"authorization", b"").decode().removeprefix('Snowflake Token="').removesuffix('"')
    request = dict(parse_qsl(scope["query_string"].decode())).get("requestId", "")
    path = scope["path"]
    if path.endswith("/login-request"):
        login = content(body)
        login["data"].setdefault("SESSION_PARAMETERS", {})
        scope, body = replaced(unquoted(scope), login)
    elif path.endswith("/abort-request"):
        wanted = content(body)["requestId"]
        if wanted in running:
            aborted.add(wanted)
            connection(running[wanted]).interrupt()
    if not path.endswith("/query-request"):
        return await BACKEND(scope, once(body), send)
    query = content(body)
    if isinstance(query.get("sqlText"), str):
        prepare(token)
        query["sqlText"] = with_macros(query["sqlText"])
    scope, body = replaced(scope, query)
    async with turns:
        running[request] = token
        try:
            await BACKEND(scope, once(body), answering(send, request))
        finally:
            running.pop(request, None)
            aborted.discard(request)


async def read(receive):
    """The whole body of a request."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def content(body):
    """The JSON of a body, which may be compressed."""
    return json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)


def unquoted(scope):
    """The request with its names unquoted, which snowduck takes as they are."""
    names = {"databaseName", "schemaName", "warehouse", "roleName"}
    said = parse_qsl(scope["query_string"].decode())
    said = [(name, value.strip('"') if name in names else value) for name, value in said]
    return {**scope, "query_string": urlencode(said).encode()}


def replaced(scope, said):
    """The request with another body."""
    body = json.dumps(said).encode()
    # Asked for JSON, snowduck answers with one of its own making; asked for nothing, with Arrow.
    gone = (b"accept", b"content-length", b"content-encoding")
    kept = [header for header in scope["headers"] if header[0] not in gone]
    return {**scope, "headers": [*kept, (b"content-length", str(len(body)).encode())]}, body


def once(body):
    """What the backend receives: a body, and then that the client is gone."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def answering(send, request):
    """What the backend sends through: it collects an answer, and sends what the protocol says in its place."""
    start, body = None, b""

    async def collect(message):
        nonlocal start, body
        if message["type"] == "http.response.start":
            start = message
            return
        body += message.get("body", b"")
        if message.get("more_body"):
            return
        sent, status = body, start["status"]
        try:
            answer = protocol(content(body))
        except ValueError:
            pass
        else:
            if request in aborted and not answer["success"]:
                answer.update(code="000604", sqlState="57014", message="SQL execution canceled")
            sent, status = json.dumps(answer).encode(), 200 if status == 500 else status
        length = (b"content-length", str(len(sent)).encode())
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json"), length]}
        )
        await send({"type": "http.response.body", "body": sent})

    return collect
