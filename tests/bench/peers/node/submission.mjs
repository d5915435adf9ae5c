// Sending in a report, the usual way in Node: the AWS SDK's document client, zod and luxon, bundled with esbuild.
//
// It stands beside the function `submission` in the measurements, and does for a report without media what that
// function does: the same checks, one BatchGetItem, one TransactWriteItems with the same items, the same answer. What it
// writes, the other functions read. So keys, hashes and texts are here what they are in `shared/store` and
// `shared/domain`, written a second time.
//
// It leaves out the other operations of `submission`, and reports that carry media or answer a task: what such a
// request names is checked in its form, and then answered 501. Messages about bad fields are mostly zod's own.

import { createHash, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { DynamoDBClient, TransactionCanceledException } from "@aws-sdk/client-dynamodb";
import { BatchGetCommand, DynamoDBDocumentClient, TransactWriteCommand } from "@aws-sdk/lib-dynamodb";
import { DateTime } from "luxon";
import { z } from "zod";

const MAX_BODY_BYTES = 64 * 1024;
const MAX_TEXT_CHARS = 4_000;
const MAX_ADDRESS_CHARS = 200;
const MAX_MEDIA = 20;
const MAX_TRIES = 20;
const MAX_ROUNDS = 5;
const MAX_DAYS_AHEAD = 3_660;
const INBOX_DAYS = 90;
const RECEIPT_DAYS = 30;
const DAY_SECONDS = 86_400;
const DUE_SHARDS = 8;

const { env } = process;
const MEMBERS_TABLE = required("MEMBERS_TABLE");
const NOTICES_TABLE = required("NOTICES_TABLE");
const REPORTS_TABLE = required("REPORTS_TABLE");
const MEMBER_CLAIM = env.MEMBER_CLAIM || "sub";
const LINKED_ACCOUNTS = env.ACCOUNTS === "linked";
const TIME_ZONE = env.TIME_ZONE || "Asia/Shanghai";

const dynamodb = DynamoDBDocumentClient.from(new DynamoDBClient({}));

function required(name) {
  if (!env[name]) throw new Error(`the environment variable ${name} is not set`);
  return env[name];
}

// What goes wrong, as problem+json.

class Problem extends Error {
  constructor(status, slug, title, detail, { errors, retryAfter } = {}) {
    super(slug);
    this.status = status;
    this.body = { type: `/problems/${slug}`, title, status, detail, errors };
    this.retryAfter = retryAfter;
  }

  answer() {
    const headers = { "content-type": "application/problem+json", "cache-control": "no-store" };
    if (this.retryAfter !== undefined) headers["retry-after"] = String(this.retryAfter);
    if (this.status === 401) headers["www-authenticate"] = "Bearer";
    return { statusCode: this.status, headers, body: JSON.stringify(this.body) };
  }
}

const invalid = (errors) => new Problem(400, "invalid", "The request has bad fields", undefined, { errors });
const refused = (slug, detail) => new Problem(403, slug, "This cannot be done", detail);
const notAMember = () => refused("not_a_member", "You are signed in, but are not a member of this platform.");
const wrongRole = () => refused("wrong_role", "Your role does not do this.");
const notConfirmed = () =>
  refused(
    "not_confirmed",
    "Your membership is not confirmed yet. Sign in with your invitation, or speak with your community police officer.",
  );
const MAY_NOT_ACT = {
  suspended: () =>
    refused(
      "member_suspended",
      "Your membership is suspended. Speak with your community police officer or manager.",
    ),
  invited: notConfirmed,
  applied: notConfirmed,
  declined: notAMember,
  left: notAMember,
};
const unauthenticated = () =>
  new Problem(
    401,
    "unauthenticated",
    "You are not signed in",
    "Send a valid access token in the Authorization header.",
  );
const notFound = () =>
  new Problem(
    404,
    "not_found",
    "There is no such thing here",
    "It does not exist, or it lies outside what you may see.",
  );
const methodNotAllowed = () => new Problem(405, "method_not_allowed", "This path does not have this method");
const tooLarge = () =>
  new Problem(413, "too_large", "The body is too large", `The limit is ${MAX_BODY_BYTES} bytes.`);
const notJson = () =>
  new Problem(415, "not_json", "The body is not JSON", "Send JSON with Content-Type: application/json.");
const keyReused = () =>
  new Problem(
    422,
    "idempotency_key_reused",
    "The key was used for another request",
    "Make a new Idempotency-Key for a new request; repeat a request with the same body.",
  );
const internal = () =>
  new Problem(
    500,
    "internal",
    "Something went wrong on our side",
    "Send the same request again; if it goes on, tell the operator.",
  );
const leftOut = () =>
  new Problem(
    501,
    "left_out",
    "This is left out here",
    "Reports with media and answers to tasks are not taken here.",
  );
const busy = () =>
  new Problem(503, "busy", "Not now", "Nothing was lost or done twice. Send the same request again.", {
    retryAfter: 1,
  });

// Digests and codes.

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ZERO = "0".repeat(64);

/** SHA-256 of parts, each after its length. */
function digest(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    const length = Buffer.alloc(8);
    length.writeUInt32BE(bytes.length, 4);
    hash.update(length).update(bytes);
  }
  return hash.digest();
}

function checkSymbol(symbols) {
  return symbols.reduce((sum, symbol) => {
    const shifted = (sum ^ symbol) << 1;
    return shifted & 0b10_0000 ? shifted ^ 0b10_0101 : shifted;
  }, 0);
}

/** The code made from the first 45 bits of a digest, with its check character and no hyphen. */
function codeOf(bytes) {
  const bits = bytes.readBigUInt64BE(0);
  const symbols = Array.from({ length: 9 }, (_, i) => Number((bits >> BigInt(59 - 5 * i)) & 31n));
  return [...symbols, checkSymbol(symbols)].map((symbol) => ALPHABET[symbol]).join("");
}

/** A code as people see it. */
const written = (code) => `${code.slice(0, 5)}-${code.slice(5)}`;

function isCode(text) {
  const read = text.toUpperCase().replace(/[- ]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  const symbols = [...read].map((character) => ALPHABET.indexOf(character));
  return symbols.length === 10 && !symbols.includes(-1) && checkSymbol(symbols.slice(0, 9)) === symbols[9];
}

/** A moment as records have it: with no more digits than it needs. */
const moment = (at) => at.toISOString().replace(/\.?0*Z$/, "Z");

/** A moment as keys have it: milliseconds since 1970, padded so that they sort as text. */
const sortable = (at) => String(Math.max(0, at.getTime())).padStart(15, "0");

// What a reporter sends in.

const BLANK = /^[\s\u200b-\u200f\u2060\ufeff]*$/;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

const words = (maxChars) =>
  z
    .string()
    .refine((text) => !BLANK.test(text), { error: "is empty" })
    .refine((text) => text.length <= maxChars || [...text].length <= maxChars, {
      error: `is longer than ${maxChars} characters`,
    })
    .refine((text) => text.isWellFormed() && !CONTROL.test(text), { error: "holds control characters" });

const microdegrees = (degrees) => Math.sign(degrees) * Math.round(Math.abs(degrees) * 1_000_000);

const Point = z
  .strictObject({ longitude: z.number().min(-180).max(180), latitude: z.number().min(-90).max(90) })
  .transform(({ longitude, latitude }) => ({
    longitude_microdegrees: microdegrees(longitude),
    latitude_microdegrees: microdegrees(latitude),
  }));

const Place = z
  .strictObject({ address: words(MAX_ADDRESS_CHARS).nullish(), point: Point.nullish() })
  .refine(({ address, point }) => address != null || point != null, {
    error: "needs an address, a point, or both",
  })
  .transform(({ address, point }) => ({ address: address ?? undefined, point: point ?? undefined }));

const NewReport = z.strictObject({
  category: z.enum(["crime", "violent_threat", "hazard", "dispute", "community_concern"]),
  urgency: z.enum(["emergency", "urgent", "routine"]).default("routine"),
  concerns: z.enum(["nobody", "station_officer", "station_management"]).default("nobody"),
  text: words(MAX_TEXT_CHARS),
  place: Place.nullish(),
  observed_at: z.iso
    .datetime({ offset: true })
    .transform((text) => new Date(text))
    // Phones' clocks are off by minutes; more than that is a mistake.
    .refine((at) => at.getTime() <= Date.now() + 600_000, { error: "lies in the future" })
    .nullish(),
  media: z.array(z.guid()).max(MAX_MEDIA).default([]),
  task: z.string().refine(isCode, { error: "is not a code, like 7KQ4M-2XD9H" }).nullish(),
});

const Uuid = z.guid();

function parseBody(event) {
  const type = event.headers["content-type"]?.split(";")[0].trim().toLowerCase();
  if (type !== "application/json") throw notJson();
  const body = event.isBase64Encoded ? Buffer.from(event.body ?? "", "base64").toString() : (event.body ?? "");
  if (Buffer.byteLength(body) > MAX_BODY_BYTES) throw tooLarge();
  let value;
  try {
    value = JSON.parse(body);
  } catch {
    throw invalid([{ pointer: "", detail: "is not JSON" }]);
  }
  const read = NewReport.safeParse(value);
  if (read.success) return read.data;
  throw invalid(
    read.error.issues.map(({ path, message }) => ({
      pointer: path.map((part) => `/${String(part).replace(/~/g, "~0").replace(/\//g, "~1")}`).join(""),
      detail: message,
    })),
  );
}

function parseKey(event) {
  const value = event.headers["idempotency-key"];
  const error = (detail) => invalid([{ pointer: "Idempotency-Key", detail }]);
  if (value === undefined) {
    throw error("is missing; make a UUID for each thing that you want done, and keep it for retries");
  }
  // The draft writes the value as a quoted string; most clients leave the quotes out.
  const read = Uuid.safeParse(value.replace(/^"+|"+$/g, ""));
  if (!read.success) throw error("is not a UUID");
  return Buffer.from(read.data.replace(/-/g, ""), "hex");
}

// Deadlines in working hours of the district.

const Hours = z.int().min(1).max(400);
const StageHours = z.strictObject({ officer: Hours, station: Hours, district: Hours });
const Policy = z.strictObject({
  opens: z.iso.time({ precision: -1 }).default("09:00"),
  closes: z.iso.time({ precision: -1 }).default("17:00"),
  festivals: z
    .array(
      z.strictObject({
        name: z.string(),
        from: z.iso.date(),
        to: z.iso.date(),
        make_up_days: z.array(z.iso.date()).default([]),
      }),
    )
    .max(100)
    .default([]),
  hours: z
    .strictObject({
      routine: StageHours.default({ officer: 8, station: 16, district: 24 }),
      urgent: StageHours.default({ officer: 2, station: 4, district: 8 }),
      emergency: Hours.default(1),
      answer: Hours.default(24),
    })
    .prefault({}),
});

const POLICY = Policy.parse(JSON.parse(env.POLICY || "{}"));
const [OPENS, CLOSES] = [POLICY.opens, POLICY.closes].map((text) => {
  const [hour, minute] = text.split(":").map(Number);
  return { hour, minute };
});
const MAKE_UP_DAYS = new Set(POLICY.festivals.flatMap((festival) => festival.make_up_days));

function isWorkingDay(day) {
  const date = day.toISODate();
  if (MAKE_UP_DAYS.has(date)) return true;
  return day.weekday <= 5 && !POLICY.festivals.some(({ from, to }) => from <= date && date <= to);
}

function stageDue(stage, urgency, since) {
  if (urgency === "emergency") return new Date(since.getTime() + POLICY.hours.emergency * 3_600_000);
  let left = POLICY.hours[urgency][stage] * 3_600_000;
  let day = DateTime.fromJSDate(since, { zone: TIME_ZONE }).startOf("day");
  for (let days = 0; days < MAX_DAYS_AHEAD; days += 1) {
    if (isWorkingDay(day)) {
      const start = Math.max(since.getTime(), day.set(OPENS).toMillis());
      const end = day.set(CLOSES).toMillis();
      if (start < end) {
        if (left <= end - start) return new Date(start + left);
        left -= end - start;
      }
    }
    day = day.plus({ days: 1 });
  }
  return since;
}

// Who acts, and what they have done before.

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

function base32(bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.replace(/.{1,5}/g, (five) => BASE32[parseInt(five.padEnd(5, "0"), 2)]);
}

/** The id under which the token's claim finds its member. */
function actingMember(event) {
  const value = event.requestContext.authorizer?.jwt?.claims?.[MEMBER_CLAIM];
  if (typeof value !== "string") throw unauthenticated();
  if (LINKED_ACCOUNTS) return `account_${base32(digest("account", value))}`;
  const reserved = value.startsWith("account_") || value === "clock" || value === "no-reporter";
  if (reserved || !/^[A-Za-z0-9_-]{1,64}$/.test(value)) throw notAMember();
  return value;
}

/** The items under these keys of tables, by the kind that each says it is. */
async function load(keys) {
  const items = {};
  let wanted = Object.fromEntries(
    Object.entries(keys).map(([table, Keys]) => [table, { Keys, ConsistentRead: true }]),
  );
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const answer = await dynamodb.send(new BatchGetCommand({ RequestItems: wanted }));
    for (const item of Object.values(answer.Responses).flat()) {
      if (item.schema !== 1) throw new Error("an item of another schema");
      items[item.type] = item;
    }
    wanted = answer.UnprocessedKeys ?? {};
    if (Object.keys(wanted).length === 0) return items;
    await sleep(20 << round);
  }
  throw busy();
}

// Taking a report in.

const STAGES = ["officer", "station", "district"];
const FIRST_STAGE = { nobody: "officer", station_officer: "station", station_management: "district" };
const NODE_INDEX = { officer: "community_pk", station: "station_pk", district: "district_pk" };
const STAGE_ZH = { officer: "社区民警", station: "派出所（街道）", district: "分局（区）" };
const STAGE_EN = { officer: "The community police officer", station: "The station", district: "The district" };
const URGENCY_ZH = { emergency: "【紧急】", urgent: "【加急】", routine: "" };
const URGENCY_EN = { emergency: "[EMERGENCY] ", urgent: "[URGENT] ", routine: "" };
const URGENCY_RANK = { emergency: 0, urgent: 1, routine: 2 };

/** The node whose reviewers form a stage for a report of this community. */
const nodeOf = (community, stage) =>
  community
    .split(".")
    .slice(0, 3 - STAGES.indexOf(stage))
    .join(".");

function put(table, type, pk, sk, item, { isNew = false } = {}) {
  const Put = { TableName: table, Item: { ...item, pk, sk, type, schema: 1 } };
  if (isNew) Put.ConditionExpression = "attribute_not_exists(pk)";
  return { Put };
}

/** What lists show of a report. */
function summaryOf(report) {
  const { id, version, node, pseudonym, category, urgency, state, stage } = report;
  const { stage_since, due_at, created_at, updated_at } = report;
  return {
    id,
    version,
    node,
    pseudonym,
    category,
    urgency,
    state,
    stage,
    stage_since,
    due_at,
    created_at,
    updated_at,
    ...(report.reason && { reason: report.reason }),
  };
}

/** The report as it stands after it was sent in, and everything that is written with it but the receipt. */
function decide(request, code, member, command, now) {
  const { category, urgency, concerns, text, place, observed_at } = request;
  const stage = FIRST_STAGE[concerns];
  const state = `${stage}_review`;
  const dueAt = stageDue(stage, urgency, now);
  const [at, due] = [moment(now), moment(dueAt)];
  const { node, pseudonym } = member;
  const [pk, shown] = [`REPORT#${code}`, written(code)];
  const above = STAGES.slice(STAGES.indexOf(stage));
  const queues = urgency === "emergency" ? above : [stage];

  const content = {
    seq: 1,
    part: 0,
    kind: "report",
    side: "reporter",
    stage,
    at,
    text,
    ...(place && { place: withoutNothing(place) }),
    ...(observed_at && { observed_at: moment(observed_at) }),
    // What keeps the commitment to a short text from being guessed.
    salt: digest("salt", randomBytes(16), Buffer.of(0)).toString("hex"),
  };
  const event = {
    report: shown,
    seq: 1,
    at,
    actor: member.id,
    role: "reporter",
    action: "submit",
    to: state,
    stage,
    tells: queues,
    node,
    category,
    ...(concerns !== "nobody" && { concerns }),
    urgency,
    pseudonym,
    due_at: due,
    contents: [{ kind: "report", digest: digest("content", JSON.stringify(content)).toString("hex") }],
    command: command.toString("hex"),
    previous: ZERO,
    hash: ZERO,
  };
  event.hash = digest("event", JSON.stringify(event)).toString("hex");

  const report = {
    id: shown,
    version: 1,
    head: event.hash,
    reporter: member.id,
    pseudonym,
    node,
    category,
    urgency,
    concerns,
    state,
    stage,
    stage_since: at,
    due_at: due,
    clock_at: due,
    created_at: at,
    updated_at: at,
    media: [],
    contents: [[1, 0]],
    created_by: command.toString("hex"),
  };
  const [created, deadline] = [`${sortable(now)}#${code}`, `${sortable(dueAt)}#${code}`];
  const indexes = {
    reporter_pk: `REPORTER#${member.id}`,
    created_sk: created,
    due_pk: `DUE#${digest("due", code)[0] % DUE_SHARDS}`,
    due_sk: deadline,
  };
  // A report that names the conduct of a stage stands in no list of that stage's nodes.
  for (const one of above) indexes[NODE_INDEX[one]] = `NODE#${nodeOf(node, one)}`;

  const summary = summaryOf(report);
  const writes = [
    put(REPORTS_TABLE, "report", pk, "REPORT", { ...report, ...indexes }, { isNew: true }),
    put(REPORTS_TABLE, "event", pk, "EVENT#00000001", event, { isNew: true }),
    put(REPORTS_TABLE, "content", pk, "CONTENT#00000001#00", content),
    ...queues.map((one) =>
      put(REPORTS_TABLE, "queue_entry", pk, `QUEUE#${one}`, {
        ...summary,
        queue_pk: `QUEUE#${nodeOf(node, one)}#${one}`,
        queue_sk: `${URGENCY_RANK[urgency]}#${created}`,
      }),
    ),
    ...above.map((one) =>
      put(REPORTS_TABLE, "open_entry", pk, `OPEN#${one}`, {
        ...summary,
        open_pk: `OPEN#${nodeOf(node, one)}`,
        created_sk: created,
        deadline_sk: deadline,
      }),
    ),
    ...notices(event, code, now),
  ];
  return { report, writes };
}

/** A place without the fields that were not said. */
function withoutNothing({ address, point }) {
  return { ...(address !== undefined && { address }), ...(point && { point }) };
}

/** What reviewers and the reporter are told, as entries of their inboxes. */
function notices(event, code, now) {
  const { report, urgency, stage, at, actor } = event;
  const expires_at = Math.floor(now.getTime() / 1_000) + INBOX_DAYS * DAY_SECONDS;
  const notice = (inbox, whom, item) => {
    const deduplication_key = `${code}-1-${whom}`;
    return put(NOTICES_TABLE, "notice", `INBOX#${inbox}`, `NOTICE#${sortable(now)}#${deduplication_key}`, {
      ...item,
      at,
      urgency,
      what: { about: "report", report, action: "submit" },
      deduplication_key,
      expires_at,
    });
  };
  const toReviewers = event.tells.map((one) => {
    const node = nodeOf(event.node, one);
    return notice(`reviewers#${one}#${node}`, one, {
      to: { audience: "reviewers", stage: one, node },
      text: {
        zh_cn: `${URGENCY_ZH[urgency]}线索 ${report} 待${STAGE_ZH[stage]}审核。`,
        en: `${URGENCY_EN[urgency]}Report ${report} waits for review. ${STAGE_EN[stage]} holds it.`,
      },
    });
  });
  const toReporter = notice(`member#${actor}`, "reporter-received", {
    to: { audience: "member", member: actor },
    pseudonym: event.pseudonym,
    text: {
      zh_cn: `您的线索 ${report} 有新进展，请打开应用查看。`,
      en: `There is news on your report ${report}. Please open the app.`,
    },
  });
  return [...toReviewers, toReporter];
}

/** What the fingerprint of the command is made of. */
function askedFor({ category, urgency, concerns, text, place, observed_at }) {
  return JSON.stringify({
    category,
    urgency,
    concerns,
    text,
    place: place ? withoutNothing(place) : null,
    observed_at: observed_at ? moment(observed_at) : null,
    media: [],
  });
}

/** Takes a new report in. The same key again gives the same report. */
async function submit(actor, key, request) {
  const command = digest("command", actor, key);
  const fingerprint = digest("fingerprint", key, "submit", "", askedFor(request)).toString("hex");
  const receiptKey = { pk: `RECEIPT#${command.toString("hex")}`, sk: "RECEIPT" };
  const now = new Date();
  let attempt = 0;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const code = codeOf(digest("report", command, Buffer.of(attempt)));
    const found = await load({
      [MEMBERS_TABLE]: [{ pk: `MEMBER#${actor}`, sk: "MEMBER" }],
      [REPORTS_TABLE]: [receiptKey, { pk: `REPORT#${code}`, sk: "REPORT" }],
    });
    const { member, receipt } = found;
    if (!member) throw notAMember();
    if (member.state !== "active") throw MAY_NOT_ACT[member.state]();
    if (member.role !== "reporter") throw wrongRole();
    if (receipt) return repeat(receipt, found.report, fingerprint);
    // A receipt expires; the report knows the command that made it for as long as it is kept.
    if (found.report?.created_by === command.toString("hex")) return found.report;
    const { report, writes } = decide(request, code, member, command, now);
    const done = {
      command: command.toString("hex"),
      fingerprint,
      report: report.id,
      expires_at: Math.floor(now.getTime() / 1_000) + RECEIPT_DAYS * DAY_SECONDS,
    };
    // The receipt stands first and the report second: the reasons of a cancelled transaction come in this order.
    writes.unshift(put(REPORTS_TABLE, "receipt", receiptKey.pk, receiptKey.sk, done, { isNew: true }));
    try {
      await dynamodb.send(new TransactWriteCommand({ TransactItems: writes }));
      return report;
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
      const reasons = error.CancellationReasons?.map(({ Code }) => Code) ?? [];
      if (reasons[0] !== "ConditionalCheckFailed" && reasons[1] === "ConditionalCheckFailed") attempt += 1;
      if (reasons.includes("ConditionalCheckFailed")) continue;
      throw reasons.some((reason) => PASSING_REASONS.has(reason)) ? busy() : error;
    }
  }
  throw busy();
}

const PASSING_REASONS = new Set(["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]);
const PASSING = new Set([
  "ProvisionedThroughputExceededException",
  "ThrottlingException",
  "RequestLimitExceeded",
  "InternalServerError",
  "ServiceUnavailable",
  "TransactionConflictException",
  "TransactionInProgressException",
  "TimeoutError",
]);

/** Answers a command that was carried out before. */
async function repeat(receipt, report, fingerprint) {
  if (receipt.fingerprint !== fingerprint) throw keyReused();
  if (report?.id === receipt.report) return report;
  const pk = `REPORT#${receipt.report.replace("-", "")}`;
  const found = await load({ [REPORTS_TABLE]: [{ pk, sk: "REPORT" }] });
  if (!found.report) throw notFound();
  return found.report;
}

async function createReport(event) {
  const actor = actingMember(event);
  const key = parseKey(event);
  const request = parseBody(event);
  if (request.media.length > 0 || request.task) throw leftOut();
  const report = await submit(actor, key, request);
  const { pseudonym: _, ...shown } = summaryOf(report);
  return {
    statusCode: 201,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      location: `/reports/${report.id}`,
      etag: `"${report.version}"`,
    },
    body: JSON.stringify(shown),
  };
}

/** An error as its answer. */
function problemOf(error) {
  if (error instanceof Problem) return error;
  // A system error's code means that the connection failed; the others are the service's.
  if (PASSING.has(error.name) || error.syscall) return busy();
  // The message may hold what people wrote; the kind of the error does not.
  console.error(JSON.stringify({ level: "ERROR", "error.kind": error.name }));
  return internal();
}

/** What Lambda calls. */
export async function handler(event) {
  try {
    if (event.rawPath !== "/reports") throw notFound();
    if (event.requestContext.http.method !== "POST") throw methodNotAllowed();
    return await createReport(event);
  } catch (error) {
    return problemOf(error).answer();
  }
}
