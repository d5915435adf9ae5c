"""Sending in a report, the usual way in Python: Powertools' event handler, pydantic and boto3.

It stands beside the function `submission` in the measurements, and does for a report without media what that
function does: the same checks, one BatchGetItem, one TransactWriteItems with the same items, the same answer. What it
writes, the other functions read. So keys, hashes and texts are here what they are in `shared/store` and
`shared/domain`, written a second time.

It leaves out the other operations of `submission`, and reports that carry media or answer a task: what such a request
names is checked in its form, and then answered 501. Messages about bad fields are mostly pydantic's own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import secrets
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)
from aws_lambda_powertools.event_handler.openapi.params import Header
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictFloat,
    StrictStr,
    model_validator,
)

MAX_BODY_BYTES = 64 * 1024
MAX_TEXT_CHARS = 4_000
MAX_ADDRESS_CHARS = 200
MAX_MEDIA = 20
MAX_TRIES = 20
MAX_ROUNDS = 5
MAX_DAYS_AHEAD = 3_660
INBOX_DAYS = 90
RECEIPT_DAYS = 30
DUE_SHARDS = 8

MEMBERS_TABLE = os.environ["MEMBERS_TABLE"]
NOTICES_TABLE = os.environ["NOTICES_TABLE"]
REPORTS_TABLE = os.environ["REPORTS_TABLE"]
MEMBER_CLAIM = os.environ.get("MEMBER_CLAIM") or "sub"
LINKED_ACCOUNTS = os.environ.get("ACCOUNTS") == "linked"
TIME_ZONE = ZoneInfo(os.environ.get("TIME_ZONE") or "Asia/Shanghai")

logger = Logger(service="submission")
app = APIGatewayHttpResolver(enable_validation=True)
dynamodb = boto3.client("dynamodb", config=Config(retries={"mode": "standard"}, tcp_keepalive=True))
serialize = TypeSerializer().serialize
deserialize = TypeDeserializer().deserialize


# What goes wrong, as problem+json.


class Problem(Exception):
    """An error with its answer."""

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str | None = None,
        errors: list[dict[str, str]] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(slug)
        self.body: dict[str, Any] = {"type": f"/problems/{slug}", "title": title, "status": status}
        if detail:
            self.body["detail"] = detail
        if errors:
            self.body["errors"] = errors
        self.status = status
        self.retry_after = retry_after

    def response(self) -> Response:
        headers = {"Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        body = json.dumps(self.body, ensure_ascii=False)
        return Response(self.status, content_type="application/problem+json", body=body, headers=headers)


def invalid(errors: list[dict[str, str]]) -> Problem:
    return Problem(400, "invalid", "The request has bad fields", errors=errors)


refused = partial(Problem, title="This cannot be done")
NOT_A_MEMBER = partial(
    refused, 403, "not_a_member", detail="You are signed in, but are not a member of this platform."
)
MAY_NOT_ACT = {
    "suspended": partial(
        refused,
        403,
        "member_suspended",
        detail="Your membership is suspended. Speak with your community police officer or manager.",
    ),
    **dict.fromkeys(
        ("invited", "applied"),
        partial(
            refused,
            403,
            "not_confirmed",
            detail="Your membership is not confirmed yet. Sign in with your invitation, or speak with your "
            "community police officer.",
        ),
    ),
    **dict.fromkeys(("declined", "left"), NOT_A_MEMBER),
}
WRONG_ROLE = partial(refused, 403, "wrong_role", detail="Your role does not do this.")
UNAUTHENTICATED = partial(
    Problem,
    401,
    "unauthenticated",
    "You are not signed in",
    "Send a valid access token in the Authorization header.",
)
NOT_FOUND = partial(
    Problem,
    404,
    "not_found",
    "There is no such thing here",
    "It does not exist, or it lies outside what you may see.",
)
KEY_REUSED = partial(
    Problem,
    422,
    "idempotency_key_reused",
    "The key was used for another request",
    "Make a new Idempotency-Key for a new request; repeat a request with the same body.",
)
TOO_LARGE = partial(Problem, 413, "too_large", "The body is too large", f"The limit is {MAX_BODY_BYTES} bytes.")
NOT_JSON = partial(
    Problem, 415, "not_json", "The body is not JSON", "Send JSON with Content-Type: application/json."
)
BUSY = partial(
    Problem,
    503,
    "busy",
    "Not now",
    "Nothing was lost or done twice. Send the same request again.",
    retry_after=1,
)
INTERNAL = partial(
    Problem,
    500,
    "internal",
    "Something went wrong on our side",
    "Send the same request again; if it goes on, tell the operator.",
)
LEFT_OUT = partial(
    Problem, 501, "left_out", "This is left out here", "Reports with media and answers to tasks are not taken here."
)


@app.exception_handler(Problem)
def on_problem(problem: Problem) -> Response:
    return problem.response()


@app.exception_handler(RequestUnsupportedContentType)
def on_other_content(_: RequestUnsupportedContentType) -> Response:
    return NOT_JSON().response()


@app.exception_handler(RequestValidationError)
def on_bad_fields(error: RequestValidationError) -> Response:
    def pointer(loc: tuple[str | int, ...]) -> str:
        if loc[0] == "header":
            return "Idempotency-Key"
        return "".join(f"/{part}" for part in loc[1:])

    def detail(bad: dict[str, Any]) -> str:
        return bad["msg"].removeprefix("Value error, ")

    return invalid([{"pointer": pointer(bad["loc"]), "detail": detail(bad)} for bad in error.errors()]).response()


@app.exception_handler(Exception)
def on_anything_else(error: Exception) -> Response:
    # The message may hold what people wrote; the kind of the error does not.
    logger.error("internal", error_kind=type(error).__name__)
    return INTERNAL().response()


@app.not_found
def on_unknown_path(_: Exception) -> Response:
    return NOT_FOUND().response()


# Digests and codes.

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# What people mix up when they read a code aloud, and what they put between its characters.
AS_READ = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
ZERO = "0" * 64


def digest(*parts: bytes) -> bytes:
    """SHA-256 of parts, each after its length."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.digest()


def canonical(value: Any) -> bytes:
    """The bytes of a value that are hashed: its fields in their order, without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def check_symbol(symbols: list[int]) -> int:
    total = 0
    for symbol in symbols:
        total = (total ^ symbol) << 1
        if total & 0b10_0000:
            total ^= 0b10_0101
    return total


def code_of(of: bytes) -> str:
    """The code made from the first 45 bits of a digest, with its check character and no hyphen."""
    bits = int.from_bytes(of[:8], "big")
    symbols = [(bits >> (59 - 5 * i)) & 31 for i in range(9)]
    return "".join(ALPHABET[symbol] for symbol in (*symbols, check_symbol(symbols)))


def written(code: str) -> str:
    """A code as people see it."""
    return f"{code[:5]}-{code[5:]}"


def parse_code(text: str) -> str:
    symbols = [ALPHABET.find(character) for character in text.upper().translate(AS_READ)]
    if -1 in symbols:
        raise ValueError("a code has only digits and the letters A-Z without I, L, O and U")
    if len(symbols) != 10:
        raise ValueError("a code has 10 characters, like 7KQ4M-2XD9H")
    if check_symbol(symbols[:9]) != symbols[9]:
        raise ValueError("the check character does not fit: a character is wrong or two are swapped")
    return written("".join(ALPHABET[symbol] for symbol in symbols))


def moment(at: datetime) -> str:
    """A moment as records have it: in UTC, with no more digits than it needs."""
    text = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{at.microsecond:06}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def sortable(at: datetime) -> str:
    """A moment as keys have it: milliseconds since 1970, padded so that they sort as text."""
    return f"{max(0, (at - EPOCH) // MILLISECOND):015}"


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


# What a reporter sends in.

BLANK = re.compile("[\\s\u200b-\u200f\u2060\ufeff]*")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def says_something(text: str) -> str:
    if BLANK.fullmatch(text):
        raise ValueError("is empty")
    if CONTROL.search(text):
        raise ValueError("holds control characters")
    return text


def must_be_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a moment as text")
    return value


def not_in_the_future(at: datetime) -> datetime:
    # Phones' clocks are off by minutes; more than that is a mistake.
    if at > datetime.now(UTC) + timedelta(minutes=10):
        raise ValueError("lies in the future")
    return at


class Point(BaseModel):
    """A point on the map (WGS 84)."""

    model_config = ConfigDict(extra="forbid")

    longitude: Annotated[StrictFloat, Field(ge=-180, le=180, allow_inf_nan=False)]
    latitude: Annotated[StrictFloat, Field(ge=-90, le=90, allow_inf_nan=False)]

    def record(self) -> dict[str, int]:
        return {
            "longitude_microdegrees": microdegrees(self.longitude),
            "latitude_microdegrees": microdegrees(self.latitude),
        }


def microdegrees(degrees: float) -> int:
    return int(math.copysign(math.floor(abs(degrees) * 1_000_000 + 0.5), degrees))


class Place(BaseModel):
    """Where it was seen: an address, a point, or both."""

    model_config = ConfigDict(extra="forbid")

    address: Annotated[StrictStr, Field(max_length=MAX_ADDRESS_CHARS), AfterValidator(says_something)] | None = None
    point: Point | None = None

    @model_validator(mode="after")
    def says_where(self) -> Place:
        if self.address is None and self.point is None:
            raise ValueError("needs an address, a point, or both")
        return self

    def record(self) -> dict[str, Any]:
        place: dict[str, Any] = {}
        if self.address is not None:
            place["address"] = self.address
        if self.point is not None:
            place["point"] = self.point.record()
        return place


class NewReport(BaseModel):
    """A new report."""

    model_config = ConfigDict(extra="forbid")

    category: Literal["crime", "violent_threat", "hazard", "dispute", "community_concern"]
    urgency: Literal["emergency", "urgent", "routine"] = "routine"
    concerns: Literal["nobody", "station_officer", "station_management"] = "nobody"
    text: Annotated[StrictStr, Field(max_length=MAX_TEXT_CHARS), AfterValidator(says_something)]
    place: Place | None = None
    observed_at: Annotated[AwareDatetime, BeforeValidator(must_be_text), AfterValidator(not_in_the_future)] | None = (
        None
    )
    media: Annotated[list[UUID], Field(max_length=MAX_MEDIA)] = []
    task: Annotated[StrictStr, AfterValidator(parse_code)] | None = None

    def asked_for(self) -> dict[str, Any]:
        """What the fingerprint of the command is made of."""
        return {
            "category": self.category,
            "urgency": self.urgency,
            "concerns": self.concerns,
            "text": self.text,
            "place": self.place and self.place.record(),
            "observed_at": self.observed_at and moment(self.observed_at),
            "media": [],
        }


# Deadlines in working hours of the district.

Hours = Annotated[int, Field(ge=1, le=400)]


class StageHours(BaseModel):
    model_config = ConfigDict(extra="forbid")

    officer: Hours
    station: Hours
    district: Hours


class PolicyHours(BaseModel):
    model_config = ConfigDict(extra="forbid")

    routine: StageHours = StageHours(officer=8, station=16, district=24)
    urgent: StageHours = StageHours(officer=2, station=4, district=8)
    emergency: Hours = 1
    answer: Hours = 24


class Festival(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    make_up_days: list[date] = []


class Policy(BaseModel):
    """What a district has decided about time."""

    model_config = ConfigDict(extra="forbid")

    opens: time_of_day = time_of_day(9)
    closes: time_of_day = time_of_day(17)
    festivals: Annotated[list[Festival], Field(max_length=100)] = []
    hours: PolicyHours = PolicyHours()

    def model_post_init(self, _: Any) -> None:
        self._make_up_days = {day for festival in self.festivals for day in festival.make_up_days}
        self._holidays = {
            festival.first + timedelta(days=day)
            for festival in self.festivals
            for day in range((festival.last - festival.first).days + 1)
        }

    _make_up_days: set[date]
    _holidays: set[date]

    def is_working_day(self, day: date) -> bool:
        return day in self._make_up_days or (day.weekday() < 5 and day not in self._holidays)

    def stage_due(self, stage: str, urgency: str, since: datetime) -> datetime:
        if urgency == "emergency":
            return since + timedelta(hours=self.hours.emergency)
        left = timedelta(hours=getattr(getattr(self.hours, urgency), stage))
        day = since.astimezone(TIME_ZONE).date()
        for _ in range(MAX_DAYS_AHEAD):
            if self.is_working_day(day):
                start = max(since, datetime.combine(day, self.opens, TIME_ZONE).astimezone(UTC))
                end = datetime.combine(day, self.closes, TIME_ZONE).astimezone(UTC)
                if start < end:
                    if left <= end - start:
                        return start + left
                    left -= end - start
            day += timedelta(days=1)
        return since


POLICY = Policy.model_validate_json(os.environ.get("POLICY") or "{}")


# Who acts, and what they have done before.


def acting_member() -> str:
    """The id under which the token's claim finds its member."""
    authorizer = app.current_event.request_context.authorizer
    claims = (authorizer and authorizer.jwt_claim) or {}
    value = claims.get(MEMBER_CLAIM)
    if not isinstance(value, str):
        raise UNAUTHENTICATED()
    if LINKED_ACCOUNTS:
        account = base64.b32encode(digest(b"account", value.encode()))
        return "account_" + account.decode().rstrip("=").lower()
    if not re.fullmatch("[A-Za-z0-9_-]{1,64}", value) or value.startswith("account_") or value in RESERVED:
        raise NOT_A_MEMBER()
    return value


RESERVED = {"clock", "no-reporter"}


def key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def load(keys: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The items under these keys of tables, by the kind that each says it is."""
    request = {table: {"Keys": keys, "ConsistentRead": True} for table, keys in keys.items()}
    items: dict[str, dict[str, Any]] = {}
    for attempt in range(MAX_ROUNDS):
        answer = dynamodb.batch_get_item(RequestItems=request)
        for found in answer["Responses"].values():
            for item in found:
                record = {name: deserialize(value) for name, value in item.items()}
                if record["schema"] != 1:
                    raise ValueError("an item of another schema")
                items[record["type"]] = record
        request = answer.get("UnprocessedKeys")
        if not request:
            return items
        time.sleep(0.02 * 2**attempt)
    raise BUSY()


# Taking a report in.

STAGES = ("officer", "station", "district")
FIRST_STAGE = {"nobody": "officer", "station_officer": "station", "station_management": "district"}
STAGE_ZH = {"officer": "社区民警", "station": "派出所（街道）", "district": "分局（区）"}
STAGE_EN = {"officer": "The community police officer", "station": "The station", "district": "The district"}
URGENCY_ZH = {"emergency": "【紧急】", "urgent": "【加急】", "routine": ""}
URGENCY_EN = {"emergency": "[EMERGENCY] ", "urgent": "[URGENT] ", "routine": ""}
URGENCY_RANK = {"emergency": 0, "urgent": 1, "routine": 2}
SUMMARY = (
    "id",
    "version",
    "node",
    "pseudonym",
    "category",
    "urgency",
    "state",
    "stage",
    "stage_since",
    "due_at",
    "created_at",
    "updated_at",
    "reason",
)


def node_of(community: str, stage: str) -> str:
    """The node whose reviewers form a stage for a report of this community."""
    return ".".join(community.split(".")[: 3 - STAGES.index(stage)])


def put(table: str, kind: str, pk: str, sk: str, item: dict[str, Any], *, new: bool = False) -> dict[str, Any]:
    whole = {**item, "pk": pk, "sk": sk, "type": kind, "schema": 1}
    write = {"TableName": table, "Item": {name: serialize(value) for name, value in whole.items()}}
    if new:
        write["ConditionExpression"] = "attribute_not_exists(pk)"
    return {"Put": write}


def decide(
    new: NewReport, code: str, member: dict[str, Any], command: bytes, now: datetime
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The report as it stands after it was sent in, and everything that is written with it but the receipt."""
    stage = FIRST_STAGE[new.concerns]
    state = f"{stage}_review"
    due_at = POLICY.stage_due(stage, new.urgency, now)
    at, due = moment(now), moment(due_at)
    pk, node, shown = f"REPORT#{code}", member["node"], written(code)
    above = STAGES[STAGES.index(stage) :]
    queues = above if new.urgency == "emergency" else (stage,)

    content: dict[str, Any] = {
        "seq": 1,
        "part": 0,
        "kind": "report",
        "side": "reporter",
        "stage": stage,
        "at": at,
        "text": new.text,
    }
    if new.place:
        content["place"] = new.place.record()
    if new.observed_at:
        content["observed_at"] = moment(new.observed_at)
    # What keeps the commitment to a short text from being guessed.
    content["salt"] = digest(b"salt", secrets.token_bytes(16), bytes([0])).hex()

    event: dict[str, Any] = {
        "report": shown,
        "seq": 1,
        "at": at,
        "actor": member["id"],
        "role": "reporter",
        "action": "submit",
        "to": state,
        "stage": stage,
        "tells": list(queues),
        "node": node,
        "category": new.category,
    }
    if new.concerns != "nobody":
        event["concerns"] = new.concerns
    event |= {
        "urgency": new.urgency,
        "pseudonym": member["pseudonym"],
        "due_at": due,
        "contents": [{"kind": "report", "digest": digest(b"content", canonical(content)).hex()}],
        "command": command.hex(),
        "previous": ZERO,
        "hash": ZERO,
    }
    event["hash"] = digest(b"event", canonical(event)).hex()

    report = {
        "id": shown,
        "version": 1,
        "head": event["hash"],
        "reporter": member["id"],
        "pseudonym": member["pseudonym"],
        "node": node,
        "category": new.category,
        "urgency": new.urgency,
        "concerns": new.concerns,
        "state": state,
        "stage": stage,
        "stage_since": at,
        "due_at": due,
        "clock_at": due,
        "created_at": at,
        "updated_at": at,
        "media": [],
        "contents": [[1, 0]],
        "created_by": command.hex(),
    }
    created, deadline = f"{sortable(now)}#{code}", f"{sortable(due_at)}#{code}"
    indexes = {
        "reporter_pk": f"REPORTER#{member['id']}",
        "created_sk": created,
        "due_pk": f"DUE#{digest(b'due', code.encode())[0] % DUE_SHARDS}",
        "due_sk": deadline,
    }
    # A report that names the conduct of a stage stands in no list of that stage's nodes.
    for level, one in zip(("community_pk", "station_pk", "district_pk"), STAGES, strict=True):
        if one in above:
            indexes[level] = f"NODE#{node_of(node, one)}"

    summary = {name: report[name] for name in SUMMARY if name in report}
    writes = [
        put(REPORTS_TABLE, "report", pk, "REPORT", report | indexes, new=True),
        put(REPORTS_TABLE, "event", pk, "EVENT#00000001", event, new=True),
        put(REPORTS_TABLE, "content", pk, "CONTENT#00000001#00", content),
    ]
    for one in queues:
        place = {
            "queue_pk": f"QUEUE#{node_of(node, one)}#{one}",
            "queue_sk": f"{URGENCY_RANK[new.urgency]}#{created}",
        }
        writes.append(put(REPORTS_TABLE, "queue_entry", pk, f"QUEUE#{one}", summary | place))
    for one in above:
        place = {"open_pk": f"OPEN#{node_of(node, one)}", "created_sk": created, "deadline_sk": deadline}
        writes.append(put(REPORTS_TABLE, "open_entry", pk, f"OPEN#{one}", summary | place))
    writes.extend(notices(event, code, now))
    return report, writes


def notices(event: dict[str, Any], code: str, now: datetime) -> list[dict[str, Any]]:
    """What reviewers and the reporter are told, as entries of their inboxes."""
    shown, urgency, stage = event["report"], event["urgency"], event["stage"]
    what = {"about": "report", "report": shown, "action": "submit"}
    expires_at = int(now.timestamp()) + INBOX_DAYS * 86_400

    def notice(inbox: str, name: str, item: dict[str, Any]) -> dict[str, Any]:
        name = f"{code}-1-{name}"
        item |= {"at": event["at"], "urgency": urgency, "what": what, "deduplication_key": name}
        sk = f"NOTICE#{sortable(now)}#{name}"
        return put(NOTICES_TABLE, "notice", f"INBOX#{inbox}", sk, item | {"expires_at": expires_at})

    text = {
        "zh_cn": f"{URGENCY_ZH[urgency]}线索 {shown} 待{STAGE_ZH[stage]}审核。",
        "en": f"{URGENCY_EN[urgency]}Report {shown} waits for review. {STAGE_EN[stage]} holds it.",
    }
    writes = []
    for one in event["tells"]:
        node = node_of(event["node"], one)
        to = {"audience": "reviewers", "stage": one, "node": node}
        writes.append(notice(f"reviewers#{one}#{node}", one, {"to": to, "text": text}))
    text = {
        "zh_cn": f"您的线索 {shown} 有新进展，请打开应用查看。",
        "en": f"There is news on your report {shown}. Please open the app.",
    }
    to = {"audience": "member", "member": event["actor"]}
    told = {"to": to, "pseudonym": event["pseudonym"], "text": text}
    writes.append(notice(f"member#{event['actor']}", "reporter-received", told))
    return writes


def submit(actor: str, idempotency_key: UUID, new: NewReport) -> dict[str, Any]:
    """Takes a new report in. The same key again gives the same report."""
    command = digest(b"command", actor.encode(), idempotency_key.bytes)
    fingerprint = digest(
        b"fingerprint", idempotency_key.bytes, b"submit", b"", canonical(new.asked_for())
    ).hex()
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    attempt = 0
    for _ in range(MAX_TRIES):
        code = code_of(digest(b"report", command, bytes([attempt])))
        receipt_pk = f"RECEIPT#{command.hex()}"
        loaded = load(
            {
                MEMBERS_TABLE: [key(f"MEMBER#{actor}", "MEMBER")],
                REPORTS_TABLE: [key(receipt_pk, "RECEIPT"), key(f"REPORT#{code}", "REPORT")],
            }
        )
        member, receipt, report = (loaded.get(kind) for kind in ("member", "receipt", "report"))
        if member is None:
            raise NOT_A_MEMBER()
        if member["state"] != "active":
            raise MAY_NOT_ACT[member["state"]]()
        if member["role"] != "reporter":
            raise WRONG_ROLE()
        if receipt:
            return repeat(receipt, report, fingerprint)
        # A receipt expires; the report knows the command that made it for as long as it is kept.
        if report and report["created_by"] == command.hex():
            return report
        report, writes = decide(new, code, member, command, now)
        receipt = {
            "command": command.hex(),
            "fingerprint": fingerprint,
            "report": report["id"],
            "expires_at": int(now.timestamp()) + RECEIPT_DAYS * 86_400,
        }
        # The receipt stands first and the report second: the reasons of a cancelled transaction come in this order.
        writes.insert(0, put(REPORTS_TABLE, "receipt", receipt_pk, "RECEIPT", receipt, new=True))
        try:
            dynamodb.transact_write_items(TransactItems=writes)
        except dynamodb.exceptions.TransactionCanceledException as error:
            reasons = [reason.get("Code") for reason in error.response["CancellationReasons"]]
            if reasons[0] == "ConditionalCheckFailed":
                continue
            if reasons[1] == "ConditionalCheckFailed":
                attempt += 1
                continue
            if "ConditionalCheckFailed" in reasons:
                continue
            if PASSING_REASONS.intersection(reasons):
                raise BUSY() from error
            raise
        return report
    raise BUSY()


PASSING_REASONS = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
PASSING = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionConflictException",
    "TransactionInProgressException",
}


def repeat(receipt: dict[str, Any], report: dict[str, Any] | None, fingerprint: str) -> dict[str, Any]:
    """Answers a command that was carried out before."""
    if receipt["fingerprint"] != fingerprint:
        raise KEY_REUSED()
    if report is None or report["id"] != receipt["report"]:
        pk = f"REPORT#{receipt['report'].replace('-', '')}"
        report = load({REPORTS_TABLE: [key(pk, "REPORT")]}).get("report")
    if report is None:
        raise NOT_FOUND()
    return report


def without_quotes(value: Any) -> Any:
    # The draft writes the value as a quoted string; most clients leave the quotes out.
    return value.strip('"') if isinstance(value, str) else value


@app.post("/reports")
def create_report(
    report: NewReport,
    idempotency_key: Annotated[Annotated[UUID, BeforeValidator(without_quotes)], Header(alias="Idempotency-Key")],
) -> Response[dict[str, Any]]:
    event = app.current_event
    actor = acting_member()
    if not event.headers.get("content-type"):
        raise NOT_JSON()
    if len(event.decoded_body.encode()) > MAX_BODY_BYTES:
        raise TOO_LARGE()
    if report.media or report.task:
        raise LEFT_OUT()
    try:
        taken = submit(actor, idempotency_key, report)
    except ClientError as error:
        if error.response["Error"]["Code"] in PASSING:
            raise BUSY() from error
        raise
    except BotoCoreError as error:
        raise BUSY() from error
    shown = {name: taken[name] for name in SUMMARY if name in taken and name != "pseudonym"}
    shown["version"] = int(taken["version"])
    return Response(
        HTTPStatus.CREATED,
        content_type="application/json",
        body=shown,
        headers={
            "Location": f"/reports/{taken['id']}",
            "ETag": f'"{shown["version"]}"',
            "Cache-Control": "no-store",
        },
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What Lambda calls."""
    return app.resolve(event, context)
