"""Writes the sample: `python3 data/generate.py`.

Same bytes on every run, on every machine and with every Python from 3.9: see chance.py. The counts of the dirt are
printed, and written into README.md beside this file.
"""

import csv
import io
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # before the modules beside this file are loaded

import calendar_of_work as when  # noqa: E402
import dirt  # noqa: E402
from chance import Chance  # noqa: E402
from product import Product  # noqa: E402

HERE = Path(__file__).resolve().parent
SEED = 20251001
FOUNDERS = 720
# Cents spent in a month: what marketing pays a channel, and the share of sales. Conferences brought nobody.
CHANNELS = {
    "web_direct": (0, 45_000), "organic_search": (110_000, 30_000), "paid_search": (390_000, 20_000),
    "referral": (60_000, 15_000), "partner": (70_000, 90_000), "app_store": (55_000, 0), "conference": (80_000, 60_000),
}


def write(name, header, rows):
    """Writes a table as RFC 4180 has it: CRLF, quotes only where needed, UTF-8, nothing for null."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(buffer.getvalue().encode("utf-8"))


def moment(value):
    """A moment as text, or nothing for none."""
    return None if value is None else when.text(value)


def money(cents):
    """Cents as major units."""
    return f"{cents // 100}.{cents % 100:02d}"


def write_events(rows):
    """One file per month in which the collector received the rows, in the order in which it did."""
    for path in (HERE / "events").glob("*.csv"):
        path.unlink()
    header = ("event_id", "user_id", "account_id", "event_name", "timestamp", "received_at", "properties")
    months = {}
    for row in sorted(rows, key=lambda row: (row["received"], row["id"], row["time"])):
        months.setdefault(when.to_datetime(row["received"]).strftime("%Y-%m"), []).append((
            row["id"], row["user"], row["account"], row["name"], when.text(row["time"], row["digits"], row["offset"]),
            when.text(row["received"], 0), row["text"],
        ))
    for month, lines in sorted(months.items()):
        write(f"events/{month}.csv", header, lines)


def write_tables(product, users, chance):
    """The tables beside the events."""
    write(
        "users.csv",
        ("user_id", "account_id", "created_at", "plan_tier", "install_source", "user_type", "role", "company_size",
         "region", "email_domain", "deleted_at"),
        [(user.id, user.account.id, moment(created_at), user.plan_tier, user.source, user.user_type, user.role,
          user.account.size, user.account.region, user.domain, moment(user.deleted_at))
         for user, created_at in users],
    )
    write(
        "accounts.csv",
        ("account_id", "name", "plan_type", "created_at", "domain"),
        [(account.id, account.name, account.plan, moment(account.created_at), account.domain)
         for account in product.accounts],
    )
    write(
        "subscriptions.csv",
        ("subscription_id", "account_id", "user_id", "plan", "mrr", "started_at", "ended_at"),
        [(f"s{number:04d}", row["account"].id, row["user"].id, row["plan"], money(row["cents"]),
          moment(row["started_at"]), moment(row["ended_at"])) for number, row in enumerate(product.subscriptions, 1)],
    )
    write(
        "invites.csv",
        ("invite_id", "inviter_id", "invitee_id", "sent_at", "accepted_at", "method"),
        [(f"i{number:05d}", row["inviter"].id, row["invitee_id"], moment(row["sent_at"]), moment(row["accepted_at"]),
          row["method"]) for number, row in enumerate(product.invites, 1)],
    )
    months = sorted({when.to_datetime(day * when.DAY).strftime("%Y-%m-01") for day in range(when.LAST_SIGN_UP_DAY + 1)})
    write(
        "spend.csv",
        ("month", "channel", "marketing_spend", "sales_spend"),
        [(month, channel, *(money(cents * chance.between(80, 135) // 100) for cents in CHANNELS[channel]))
         for month in months for channel in CHANNELS],
    )
    write(
        "surveys.csv",
        ("response_id", "user_id", "survey_type", "score", "answered_at"),
        [(f"r{number:04d}", user, survey, score, moment(at)) for number, (user, survey, score, at) in
         enumerate(sorted(product.surveys, key=lambda row: (row[3], row[0])), 1)],
    )


def main():
    """Plays the product, spoils the rows, and writes everything."""
    product = Product(SEED).run(FOUNDERS)
    product.subscriptions.sort(key=lambda row: (row["started_at"], row["user"].id))
    chance, counts = Chance(SEED + 1), {}
    rows = dirt.spoil_events(product.events, product.users, chance, counts)
    users = dirt.spoil_users(product.users, chance, counts)
    dirt.spoil_accounts(product.accounts, chance, counts)
    future = sum(row["time"] >= when.AS_OF for row in rows)
    counts[f"rows at or after the as-of time of the examples, {when.text(when.AS_OF, 0)}, duplicates included"] = future
    write_events(rows)
    write_tables(product, users, chance)
    totals = {
        "events": rows, "users": users, "accounts": product.accounts, "subscriptions": product.subscriptions,
        "invites": product.invites, "surveys": product.surveys,
    }
    print(", ".join(f"{len(table):,} rows of {name}" for name, table in totals.items()))
    table = "\n".join(f"| {kind} | {count:,} |" for kind, count in counts.items())
    print(table)
    readme = HERE / "README.md"
    text = readme.read_text(encoding="utf-8")
    table = f"| dirt | rows |\n| --- | ---: |\n{table}"
    before, after = "<!-- counts -->", "<!-- end of counts -->"
    text = re.sub(f"{before}.*{after}", lambda _: f"{before}\n{table}\n{after}", text, flags=re.DOTALL)
    readme.write_bytes(text.encode("utf-8"))


if __name__ == "__main__":
    main()
