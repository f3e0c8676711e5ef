"""What real exports suffer from, put into the sample on purpose, and counted.

`spoil_events` and `spoil_users` take clean rows and return dirty ones; both count what they do into `counts`, which
README.md shows. Rows that are added are copies of clean ones, so each count is exact until the duplicates, which are
made last, of whatever is there.
"""

import json
from calendar_of_work import DAY, HOUR, MINUTE, MOST_RECENT, SECOND

ODD_STRINGS = (
    "She said \"ship it\"", "C:\\docs\\new", "café résumé", "🚀 launch plan", "line one\nline two", "$$ budget $$",
    "O'Brien's notes", "100% done; -- really", "tab\there", "комментарий", "見積書", "{{ name }}", "a,b;c", "", " ",
)
ODD_NAMES = (
    "O'Brien & Söhne", "\"Quoted\" Ltd", "Back\\slash GmbH", "$$ Money, Inc.", "Café Crème", "🚀 Orbit", "Null",
    "Tom's \"Best\" Pies", "Ærø Shipping", "日本文具", "Comma, Comma & Co", " leading space",
)
NEAR_MISSES = (
    "Document_Created", "DOCUMENT_CREATED", "document-created", "Invite_Sent", "inviteSent", "document_created ",
)
OFFSETS = (120, 60, -300, -480, 330, 0)


def to_json(properties, ascii_only=False):
    """Properties as compact JSON, without those that are None."""
    kept = {name: value for name, value in properties.items() if value is not None}
    return json.dumps(kept, ensure_ascii=ascii_only, separators=(",", ":"))


def spoil_events(events, users, chance, counts):
    """Turns the simulation's events into rows of the export."""
    identifiers = set()

    def identifier():
        while True:
            made = f"e{chance.between(0, 16**8 - 1):08x}"
            if made not in identifiers:
                identifiers.add(made)
                return made

    rows = []
    for event in sorted(events, key=lambda event: (event["time"], event["user"])):
        digits = 3 if event["name"] == "user_signup" else chance.weighted({3: 80, 6: 15, 0: 5})
        unit = 10 ** (6 - digits)
        time = event["time"] // unit * unit
        rows.append({
            "id": identifier(), "user": event["user"], "account": event["account"], "name": event["name"], "time": time,
            "digits": digits, "offset": None, "received": time + chance.between(100_000, 6 * SECOND), "clean": True,
            "properties": event["properties"], "text": event["properties"] and to_json(event["properties"]),
        })
    _change_names(rows, chance, counts)
    _change_times(rows, chance, counts)
    _change_properties(rows, chance, counts)
    clean = [row for row in rows if row["clean"]]
    rows += _strangers(clean, chance, counts, identifier)
    rows += _misfits(clean, users, chance, counts, identifier)
    rows += _duplicates(rows, chance, counts)
    return rows


def _change_names(rows, chance, counts):
    aliased = [row for row in rows if row["name"] == "user_signup" and chance.hit(0.08)]
    for row in aliased:
        row["name"] = "signup_complete"
    counts["`user_signup` rows that go by the alias `signup_complete`"] = len(aliased)


def _change_times(rows, chance, counts):
    for row in chance.sample(rows, len(rows) * 3 // 100):
        row["offset"], row["clean"] = chance.pick(OFFSETS), False
    counts["rows whose `timestamp` has an offset such as `+02:00` instead of `Z`"] = sum(
        row["offset"] is not None for row in rows
    )
    late = chance.sample(rows, 620)
    for row in late:
        row["received"] = row["time"] + chance.between(26, 290) * HOUR + chance.between(0, 3599) * SECOND
        row["clean"] = False
    counts["late rows: received from 1 to 12 days after `timestamp`"] = len(late)


def _change_properties(rows, chance, counts):
    for row in chance.sample(rows, 210):
        row["account"], row["clean"] = None, False
    counts["rows of a known user without `account_id`: the user's is meant"] = 210

    pool = [row for row in rows if row["properties"] and row["name"] not in ("user_signup", "signup_complete")]
    pool = chance.sample(pool, len(pool))
    numeric = [row for row in pool if any(type(value) in (int, float) for value in row["properties"].values())]
    taken = set()

    def take(candidates, count):
        chosen = [row for row in candidates if row["id"] not in taken][:count]
        taken.update(row["id"] for row in chosen)
        for row in chosen:
            row["clean"] = False
        return chosen

    def with_numbers(properties, change):
        changed = {name: change(value) if type(value) in (int, float) else value for name, value in properties.items()}
        return to_json(changed)

    for row in take(numeric, 260):
        row["text"] = with_numbers(row["properties"], str)
    counts['rows whose numbers are JSON strings: `{"count":"2"}`'] = 260
    for row in take(numeric, 15):
        row["text"] = with_numbers(row["properties"], lambda _: "n/a")
    counts['rows whose numbers are no numbers: `{"count":"n/a"}`'] = 15
    for row in take(pool, 140):
        null = chance.pick(list(row["properties"]))
        row["text"] = json.dumps({**row["properties"], null: None}, separators=(",", ":"))
    counts["rows with an explicit JSON `null` for a property"] = 140
    for row in take(pool, 160):
        row["text"] = None
    counts["rows whose `properties` are missing though the event has some"] = 160
    for row in take(pool, 40):
        row["text"] = "{}"
    counts["rows whose `properties` are `{}` though the event has some"] = 40
    for row in take(pool, 25):
        row["text"] = "null"
    counts["rows whose `properties` are the JSON `null`"] = 25
    documents = [row for row in pool if row["name"] == "document_created"]
    for index, row in enumerate(take(documents, 90)):
        row["text"] = to_json({**row["properties"], "title": ODD_STRINGS[index % len(ODD_STRINGS)]}, index % 2 == 1)
    counts["`document_created` rows with an odd `title` (quotes, backslashes, `\\n`, `$$`, `'`, é, emoji, …)"] = 90


def _copy(row, identifier, later=0, **changes):
    """Another row like this one, so much later."""
    moved = {"id": identifier(), "time": row["time"] + later, "received": row["received"] + later}
    return {**row, **moved, **changes}


def _strangers(rows, chance, counts, identifier):
    """Rows of nobody, and of people who are in no other table."""
    visits = [row for row in rows if row["name"] in ("session_started", "help_viewed")]
    anonymous = [
        _copy(row, identifier, later=7 * SECOND, user=None, account=None) for row in chance.sample(visits, 180)
    ]
    counts["rows without `user_id`, and so without `account_id`"] = len(anonymous)
    ghosts = [
        _copy(row, identifier, user=f"u9{index % 15:04d}", account=None)
        for index, row in enumerate(chance.sample(rows, 140))
    ]
    counts["rows of 15 users who are not in users.csv, without `account_id`"] = len(ghosts)
    return anonymous + ghosts


def _misfits(rows, users, chance, counts, identifier):
    """Rows that look right: near misses of names, of order and of time."""
    documents = [row for row in rows if row["name"] == "document_created"]
    variants = [
        _copy(row, identifier, later=3 * MINUTE, name=NEAR_MISSES[index % len(NEAR_MISSES)])
        for index, row in enumerate(chance.sample(documents, 150))
    ]
    shown = ", ".join(f'`"{name}"`' for name in NEAR_MISSES)
    counts[f"rows whose name is near to one of the product's and must not match: {shown}"] = len(variants)
    early = []
    for user in chance.sample([user for user in users if user.created_at > 5 * DAY], 60):
        time = user.created_at - chance.between(60, 3 * 86_400) * SECOND
        early.append({
            "id": identifier(), "user": user.id, "account": user.account.id, "digits": 3, "offset": None, "time": time,
            "name": chance.pick(("document_created", "session_started", "help_viewed")), "received": time + SECOND,
            "text": None,
        })
    counts["rows before the user's `created_at`"] = len(early)
    ties = []
    for row in chance.sample(documents, 130):
        texts = {
            "document_shared": '{"audience":"team","count":2}',
            "task_completed": '{"category":"todo","duration_ms":900}',
            "document_created": row["text"],  # nothing but `event_id` tells the two apart
        }
        name = chance.pick(list(texts))
        ties.append(_copy(row, identifier, name=name, text=texts[name]))
    counts["rows added at the same microsecond as a `document_created` of the user"] = len(ties)
    return variants + early + ties


def _duplicates(rows, chance, counts):
    exact = [dict(row) for row in chance.sample(rows, len(rows) * 12 // 1000)]
    counts["exact duplicates"] = len(exact)
    again = []
    for index, row in enumerate(chance.sample(rows, 330)):
        later = {**row, "received": row["received"] + chance.between(1, 48) * HOUR}
        if index % 3 == 0:  # a client that stamps the row again when it sends it again
            later["time"] = row["time"] + chance.between(1, 40) * SECOND
        again.append(later)
    counts["duplicates of an `event_id` that were received later"] = len(again)
    counts["… of them with a later `timestamp` too"] = len(again[::3])
    return exact + again


def spoil_users(users, chance, counts):
    """Returns the users, some of them twice, as pairs of a user and the `created_at` to write."""
    for user in chance.sample([user for user in users if user.source != "invite"], 58):
        user.source = None
    counts["users without `install_source`"] = 58
    exact = [(user, user.created_at) for user in chance.sample(users, 12)]
    synced = [
        (user, min(user.created_at + chance.between(2, 30) * DAY, MOST_RECENT)) for user in chance.sample(users, 6)
    ]
    counts["exact duplicates in users.csv"] = len(exact)
    counts["rows of users.csv that repeat a user with a later `created_at`"] = len(synced)
    return sorted([(user, user.created_at) for user in users] + exact + synced, key=lambda pair: (pair[1], pair[0].id))


def spoil_accounts(accounts, chance, counts):
    """Gives some accounts names that are hard to quote."""
    for account, name in zip(chance.sample(accounts, len(ODD_NAMES)), ODD_NAMES):
        account.name = name
    counts["accounts with odd names"] = len(ODD_NAMES)
