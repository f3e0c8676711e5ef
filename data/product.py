"""Inkwell, the product of the sample: who signs up, what they do on each day, and who pays.

Behavior follows from one hidden number per person, the propensity, and from a habit that good experiences feed and
time wears out. Nobody is marked as activated or retained: that is for Milepost to find.
"""

import calendar_of_work as when
from calendar_of_work import DAY, HOUR, MINUTE, SECOND
from chance import Chance

SOURCES = {"web_direct": 26, "organic_search": 27, "paid_search": 20, "referral": 12, "partner": 8, "app_store": 7}
SOURCE_EFFECT = {
    "web_direct": 0.02, "organic_search": 0.05, "paid_search": -0.12, "referral": 0.11, "partner": 0.08,
    "app_store": -0.15, "invite": 0.09,
}
SIZES = {"smb": 62, "mid_market": 27, "enterprise": 11}
SIZE_EFFECT = {"smb": -0.03, "mid_market": 0.04, "enterprise": 0.07}
ROLE_EFFECT = {"admin": 0.05, "editor": 0.04, "developer": 0.02, "viewer": -0.12}
FEATURES = {  # name: (how often, premium)
    "templates": (14, False), "mentions": (12, False), "tables": (11, False), "slash_commands": (10, False),
    "checklists": (8, False), "mobile_app": (6, False), "reactions": (6, False), "version_history": (7, True),
    "ai_assist": (7, True), "page_analytics": (4, True), "offline_mode": (3, True), "approvals": (3, True),
}
DOC_TYPES = {"note": 38, "brief": 22, "wiki": 18, "board": 12, "spec": 10}
FREE_DOCUMENTS, FREE_SEATS, FREE_EXPORTS = 10, 5, 5
PRICES = {"pro": 1200, "team": 2900, "business": 4500}  # cents per seat and month
FIRST_WORDS = (
    "Acorn Alder Amber Anchor Arbor Aspen Atlas Aurora Beacon Birch Blue Bright Cedar Cinder Clover Cobalt Coral "
    "Crest Delta Dune Echo Ember Fable Falcon Fern Flint Gale Garnet Glacier Grove Harbor Hazel Heron Indigo Iron "
    "Ivory Juniper Kestrel Lark Linden Lumen Maple Marble Meadow Mistral North Nova Oak Onyx Orchid Otter Pebble Pine "
    "Quartz Quill Raven Ridge River Rowan Sable Sage Silver Slate Sparrow Summit Thistle Tidal Umber Vale Verdant "
    "Willow Wren Zephyr"
).split()
SECOND_WORDS = "Analytics Care Consulting Finance Foods Games Health Labs Learning Legal Logistics Media Works".split()


class Account:
    """An organization, made by its first user."""

    def __init__(self, number, name, size, region, created_at):
        self.id = f"a{number:04d}"
        self.name, self.size, self.region, self.created_at = name, size, region, created_at
        self.domain = name.lower().replace(" ", "-") + ".example"
        self.plan = "free"
        self.members, self.authors, self.warned = [], [], set()
        self.subscription = None


class User:
    """A person, with what the product cannot see: propensity and habit."""

    def __init__(self, number, account, created_at, source, user_type, role, domain, propensity):
        self.id = f"u{number:05d}"
        self.account, self.created_at, self.source = account, created_at, source
        self.user_type, self.role, self.domain, self.propensity = user_type, role, domain, propensity
        self.plan_tier = account.plan
        self.deleted_at = None
        self.habit, self.documents, self.shares, self.exports = 0.0, 0, 0, {}
        self.gone, self.paid, self.connected, self.limit_seen, self.invited = (False,) * 5


class Product:
    """The simulation; `run` fills the tables."""

    def __init__(self, seed):
        self.chance = Chance(seed)
        self.accounts, self.users, self.events, self.invites = [], [], [], []
        self.subscriptions, self.surveys = [], []
        self.arrivals = {day: [] for day in range(when.LAST_DAY + 1)}

    def run(self, founders):
        """Plays every day of the sample."""
        self._plan_founders(founders)
        for day in range(when.LAST_DAY + 1):
            for user in list(self.users):
                self._live(user, day)
            self._bill(day)
            newcomers = self.arrivals[day]
            index = 0
            while index < len(newcomers):  # a newcomer's invitation may bring another one on the same day
                self._sign_up(*newcomers[index])
                index += 1
        return self

    # Sign-up

    def _plan_founders(self, founders):
        chance = self.chance
        names = [f"{first} {second}" for first in FIRST_WORDS for second in SECOND_WORDS]
        names = chance.sample(names, founders)
        days = {d: when.workload(d) * (1 + d / 320) for d in range(when.LAST_SIGN_UP_DAY + 1)}
        for day in sorted(chance.weighted(days) for _ in range(founders)):
            size, region = chance.weighted(SIZES), chance.weighted({"eu": 42, "us": 45, "apac": 13})
            moment = min(when.moment_of(day, region, chance), (when.LAST_SIGN_UP_DAY + 1) * DAY - SECOND)
            account = Account(len(self.accounts) + 1, names[len(self.accounts)], size, region, moment)
            self.accounts.append(account)
            self._arrive(moment, account, "new", chance.weighted(SOURCES), None)
            for _ in range({"smb": 1, "mid_market": 3, "enterprise": 5}[size]):
                if chance.hit(0.48):  # a colleague who finds the product alone, and joins by the e-mail domain
                    later = day + 2 + chance.between(0, 130)
                    self._arrive(when.moment_of(later, region, chance), account, "new", chance.weighted(SOURCES), None)

    def _arrive(self, moment, account, user_type, source, inviter):
        if moment < (when.LAST_SIGN_UP_DAY + 1) * DAY:
            self.arrivals[moment // DAY].append((moment, account, user_type, source, inviter))
            return True
        return False

    def _sign_up(self, moment, account, user_type, source, invite):
        chance = self.chance
        role = "admin" if not account.members else chance.weighted({"editor": 60, "viewer": 27, "developer": 13})
        domain = account.domain
        if account.size == "enterprise" and chance.hit(0.3):
            domain = chance.pick(("emea.", "labs.", "group.")) + domain
        elif account.size == "smb" and chance.hit(0.12):
            domain = chance.pick(("gmail.com", "outlook.com"))
        effect = SOURCE_EFFECT[source] + SIZE_EFFECT[account.size] + ROLE_EFFECT[role]
        propensity = min(max(0.47 + effect + 0.20 * chance.bell(), 0.03), 0.97)
        user = User(len(self.users) + 1, account, moment, source, user_type, role, domain, propensity)
        self.users.append(user)
        account.members.append(user)
        self._event(user, "user_signup", moment, {"source": user_type})
        if invite is not None:
            invite["invitee_id"], invite["accepted_at"] = user.id, moment
            self._event(user, "invite_accepted", moment + 40 * SECOND, {"inviter_id": invite["inviter"].id})
            invite["inviter"].habit += 0.10
        clock = moment + chance.between(20, 90) * SECOND
        for step in range(1, 5):
            if not chance.hit(0.55 + 0.42 * propensity):
                break
            self._event(user, "onboarding_step_complete", clock, {"step": step})
            clock += chance.between(15, 240) * SECOND
        else:
            self._event(user, "onboarding_complete", clock, None)
            user.habit += 0.05
        if chance.hit(0.22 + 0.75 * propensity):
            self._session(user, clock + chance.between(5, 60) * SECOND)

    # A day

    def _live(self, user, day):
        if user.gone:
            return
        chance, age = self.chance, day - user.created_at // DAY
        user.habit = min(user.habit, 1.0) * 0.990
        if age == 31 and chance.hit(0.05 + 0.3 * user.habit):
            score = int(min(max(5.2 + 3.4 * user.propensity + 2.0 * chance.bell(), 0), 10) + 0.5)
            self._survey(user, "nps", score, when.moment_of(day, user.account.region, chance))
        if chance.hit(0.030 * (1 - user.habit) * (1 - user.propensity)):
            user.gone = True
            if chance.hit(0.035):
                user.deleted_at = when.moment_of(day, user.account.region, chance)
            return
        curious = 0.55 * user.propensity * 3 / (3 + age)
        wanted = (curious + 0.50 * user.habit * user.propensity) * when.workload(day)
        if chance.hit(min(wanted, 0.9)):
            self._session(user, max(when.moment_of(day, user.account.region, chance), user.created_at + HOUR))

    def _session(self, user, moment):
        chance = self.chance
        device = chance.weighted({"web": 70, "desktop": 20, "mobile": 30 if user.source == "app_store" else 8})
        self._event(user, "session_started", moment, {"device": device})
        self._offer(user, moment)
        clock = moment
        for _ in range(1 + int(chance.unit() * chance.unit() * (1.5 + 5.2 * user.propensity))):
            clock += chance.between(15, 420) * SECOND + chance.between(0, 999_999)
            getattr(self, "_" + chance.weighted(self._wishes(user)))(user, clock)

    def _wishes(self, user):
        if user.role == "viewer":
            wishes = {"write": 5, "comment": 18, "use": 12, "finish": 10, "help": 4}
        else:
            wishes = {"write": 16, "comment": 12, "use": 15, "finish": 17, "help": 2.5}
        if not user.documents:
            wishes["write"] += 10 + 22 * user.propensity
        elif user.role != "viewer":
            wishes["share"] = 9 if user.shares else 14
            wishes["export"] = 4
        wishes["invite"] = (12 if user.role == "admin" else 2.6) * (0.3 + 1.3 * user.propensity)
        wishes["invite"] *= 0.25 if user.invited else 2.2 if user.documents else 0.8
        if user.role in ("admin", "developer") and not user.connected:
            wishes["connect"] = 3
        if user.role == "developer" and user.connected:
            wishes["call"] = 25
        return wishes

    # What a person may do

    def _write(self, user, clock):
        chance, account = self.chance, user.account
        if account.plan == "free" and not user.paid and user.documents >= FREE_DOCUMENTS:
            self._limit(user, clock, "documents", FREE_DOCUMENTS, FREE_DOCUMENTS)
            return
        doc_type = chance.weighted(DOC_TYPES)
        template = f"t{chance.between(1, 18):02d}" if chance.hit(0.45) else None
        words = int(20 + 900 * chance.unit() * chance.unit())
        self._event(user, "document_created", clock, {"doc_type": doc_type, "template_id": template, "words": words})
        user.documents += 1
        if user.documents == 1:
            account.authors.append(user)
            user.habit += 0.14
        if user.documents == 7 and account.plan == "free" and not user.paid:
            self._limit(user, clock + SECOND, "documents", 7, FREE_DOCUMENTS)

    def _share(self, user, clock):
        audience = self.chance.weighted({"team": 62, "link": 25, "public": 13})
        count = self.chance.between(1, 8) if audience == "team" else 1
        self._event(user, "document_shared", clock, {"audience": audience, "count": count})
        user.shares += 1
        user.habit += 0.14 if user.shares == 1 else 0.02

    def _comment(self, user, clock):
        owners = [author for author in user.account.authors if author is not user]
        if not owners:
            self._use(user, clock)
            return
        owner = self.chance.pick(owners)
        self._event(user, "comment_added", clock, None)
        self._event(user, "comment_received", clock + 2_000, {"owner_id": owner.id})
        user.habit += 0.03
        owner.habit += 0.03

    def _use(self, user, clock):
        feature = self.chance.weighted({name: often for name, (often, _) in FEATURES.items()})
        self._event(user, "feature_used", clock, {"feature": feature, "premium": FEATURES[feature][1]})

    def _finish(self, user, clock):
        chance = self.chance
        category = chance.weighted({"review": 40, "todo": 45, "approval": 15})
        duration = int(2_000 + 600_000 * chance.unit() * chance.unit() * chance.unit())
        properties = {"task_id": f"k{chance.between(1, 99999):05d}", "category": category, "duration_ms": duration}
        self._event(user, "task_completed", clock, properties)

    def _export(self, user, clock):
        month = when.to_datetime(clock).strftime("%Y-%m")
        used = user.exports.get(month, 0)
        if user.account.plan == "free" and not user.paid and used >= FREE_EXPORTS:
            self._limit(user, clock, "exports", used, FREE_EXPORTS)
            return
        user.exports[month] = used + 1
        form = self.chance.weighted({"pdf": 60, "docx": 25, "md": 15})
        self._event(user, "export_created", clock, {"format": form})

    def _connect(self, user, clock):
        provider = self.chance.weighted({"slack": 45, "google_drive": 25, "jira": 15, "github": 15})
        self._event(user, "integration_connected", clock, {"provider": provider})
        user.connected = True
        user.habit += 0.08

    def _call(self, user, clock):
        chance = self.chance
        for _ in range(chance.between(1, 3)):
            status = chance.weighted({200: 82, 201: 14, 204: 4})
            endpoint = chance.pick(("/v1/docs", "/v1/search", "/v1/users"))
            properties = {"endpoint": endpoint, "status_code": status, "payload_size": chance.between(80, 9000)}
            self._event(user, "api_call_success", clock, properties)
            clock += chance.between(1, 40) * SECOND

    def _help(self, user, clock):
        self._event(user, "help_viewed", clock, None)
        if self.chance.hit(0.22):
            self._event(user, "support_ticket_created", clock + self.chance.between(1, 9) * MINUTE, None)
            if self.chance.hit(0.5):
                score = int(min(max(3.9 + 1.0 * self.chance.bell(), 1), 5) + 0.5)
                self._survey(user, "csat", score, clock + self.chance.between(2, 70) * HOUR)

    def _invite(self, user, clock):
        user.invited = True
        colleagues = self.chance.weighted({1: 30, 2: 12, 3: 24, 4: 20, 5: 14})  # people invite one by one
        for index in range(colleagues):
            self._invite_one(user, clock + index * self.chance.between(9, 40) * SECOND)
        account = user.account
        if account.plan == "free" and len(account.members) >= FREE_SEATS and "seats" not in account.warned:
            account.warned.add("seats")
            self._limit(user, clock + 5 * MINUTE, "seats", len(account.members), FREE_SEATS)

    def _invite_one(self, user, clock):
        chance, account = self.chance, user.account
        method = chance.weighted({"email": 72, "link": 18, "slack": 10})
        count = chance.weighted({1: 86, 2: 9, 3: 5})
        self._event(user, "invite_sent", clock, {"method": method, "count": count})
        for _ in range(count):
            invite = {"inviter": user, "invitee_id": None, "sent_at": clock, "accepted_at": None, "method": method}
            self.invites.append(invite)
            if len(account.members) < 45 and chance.hit({"smb": 0.22, "mid_market": 0.28, "enterprise": 0.31}[account.size]):
                delay = int(chance.unit() * chance.unit() * chance.unit() * 20 * DAY) + 2 * MINUTE
                self._arrive(clock + delay, account, "invited", "invite", invite)
        user.habit += 0.03

    # Money

    def _limit(self, user, clock, limit, used, allowed):
        self._event(user, "limit_reached", clock, {"limit": limit, "used": used, "allowed": allowed})
        user.limit_seen = True
        if self.chance.hit(0.7):
            self._event(user, "nudge_viewed", clock + SECOND, {"nudge": limit})
            if self.chance.hit(0.16):
                self._event(user, "nudge_clicked", clock + 9 * SECOND, {"nudge": limit})
                self._consider(user, clock + 20 * SECOND, 0.30)

    def _offer(self, user, clock):
        if user.paid or user.account.plan != "free":
            return
        if self.chance.hit((0.013 if user.limit_seen else 0.006) + 0.034 * user.habit * user.propensity):
            self._consider(user, clock + self.chance.between(5, 90) * SECOND, 0.52)

    def _consider(self, user, clock, likelihood):
        account, chance = user.account, self.chance
        if user.paid or account.plan != "free":
            return
        large = account.size == "enterprise" and len(account.members) > 4
        plan = "business" if large else "team" if len(account.members) > 3 and chance.hit(0.45) else "pro"
        self._event(user, "upgrade_clicked", clock, {"plan": plan})
        if not chance.hit(likelihood):
            return
        paid_at = clock + chance.between(1, 12) * MINUTE
        seats = 1 if plan == "pro" else min(len(account.members), 12)
        subscription = self._subscribe(user, plan, seats, paid_at)
        user.paid = True
        user.habit += 0.2
        if plan != "pro":
            account.plan, account.subscription = plan, subscription

    def _subscribe(self, user, plan, seats, moment, discount=None):
        if discount is None:
            discount = 10 if self.chance.hit(0.3) else 0  # paid by the year
        cents = PRICES[plan] * seats * (100 - discount) // 100
        subscription = {
            "account": user.account, "user": user, "plan": plan, "cents": cents, "seats": seats,
            "discount": discount, "started_at": moment, "ended_at": None,
        }
        self.subscriptions.append(subscription)
        if seats == 1 or user.account.plan == "free":
            self._event(user, "plan_upgraded", moment, {"plan": plan, "mrr": cents / 100})
        return subscription

    def _bill(self, day):
        for subscription in list(self.subscriptions):
            age = day - subscription["started_at"] // DAY
            if subscription["ended_at"] is not None or age <= 0 or age % 30:
                continue
            account, user, moment = subscription["account"], subscription["user"], day * DAY + 6 * HOUR
            members = min(len(account.members), 60)
            if self.chance.hit(0.055 if user.gone else 0.022):
                subscription["ended_at"] = moment
                if account.subscription is subscription:
                    account.plan, account.subscription = "free", None
            elif account.subscription is subscription and members > subscription["seats"]:
                subscription["ended_at"] = moment
                more = self._subscribe(user, subscription["plan"], members, moment, subscription["discount"])
                account.subscription = more

    # Rows

    def _survey(self, user, survey_type, score, moment):
        if moment <= when.MOST_RECENT:
            self.surveys.append((user.id, survey_type, score, moment))

    def _event(self, user, name, moment, properties):
        if moment <= when.MOST_RECENT:
            self.events.append({
                "user": user.id, "account": user.account.id, "name": name, "time": moment, "properties": properties,
            })
