/** The doctor's look at Redis: whether it answers, what it keeps when it ends, and what it does when it is full. */

import type { Config } from "../config/config.ts";
import { redisAddress } from "../store/open.ts";
import { RedisGateway } from "../store/redis/gateway.ts";
import type { Master, RedisAddress } from "../store/redis/transport/redis_transport.ts";
import { examineRights } from "./doctor_rights.ts";
import { failing, type Finding } from "./finding.ts";

/** The least release that has all that is used. */
const leastMajor = 7;

/** How far clocks may be apart, in milliseconds; leases run by the clock of Redis, log lines by this machine's. */
const clockMs = { warn: 1_000, fail: 30_000 };

/** What an answer may take, in milliseconds, before it is felt. */
const slowMs = 50;

/** Examines every Redis that has keys. */
export async function* examineRedis(config: Config): AsyncIterable<Finding> {
  let address: RedisAddress;
  let gateway: RedisGateway;
  try {
    address = redisAddress(config)!;
    gateway = await RedisGateway.connect({ ...address, timeoutMs: config.storeTimeoutMs });
  } catch (error) {
    const finding = failing("Redis", error);
    return yield { ...finding, text: `Cannot use Redis: ${finding.text}` };
  }
  await using _ = gateway;
  try {
    let permitted = true;
    const prefix = config.redisPrefix;
    const user = userOf(address.url) || config.redisUsername || "default";
    for await (const finding of examineRights(gateway, { prefix, database: address.database ?? 0, user })) {
      permitted &&= finding.state === "ok";
      yield finding;
    }
    if (!permitted) return; // nothing else would be told that is worth it
    yield await clock(gateway);
    yield await writable(gateway, `${config.redisPrefix}doctor`);
    for (const master of await gateway.masters()) yield* examineMaster(master);
  } catch (error) {
    yield failing("Redis", error);
  }
}

/** Who logs in by a URL; empty where it does not say. */
function userOf(url: string | undefined): string {
  return decodeURIComponent(url === undefined ? "" : new URL(url).username);
}

async function clock(gateway: RedisGateway): Promise<Finding> {
  const [sent, since] = [Date.now(), performance.now()];
  const theirs = await gateway.time();
  const tookMs = performance.now() - since;
  const apart = Math.round(theirs - (sent + tookMs / 2));
  if (tookMs > slowMs) {
    const text = `it takes ${tookMs.toFixed(0)} ms to answer`;
    return { subject: "Redis", state: "warn", text, advice: "every message waits for it: bring it nearer" };
  }
  const text = `its clock is ${Math.abs(apart)} ms ${apart < 0 ? "behind" : "ahead of"} this machine's`;
  const state = Math.abs(apart) > clockMs.fail ? "fail" : Math.abs(apart) > clockMs.warn ? "warn" : "ok";
  return { subject: "clock", state, text, ...(state === "ok" ? {} : { advice: "run NTP (chrony) on both" }) };
}

async function writable(gateway: RedisGateway, key: string): Promise<Finding> {
  const subject = "Redis";
  try {
    await gateway.command("SET", key, "1", "PX", "1000");
    await gateway.command("DEL", key);
    return { subject, state: "ok", text: "it answers, and takes what is written" };
  } catch (error) {
    return failing(subject, error);
  }
}

async function* examineMaster({ name, send }: Master): AsyncIterable<Finding> {
  const subject = name === "" ? "Redis" : `Redis ${name}`;
  const info = parseInfo(`${await send(["INFO"])}`);
  const version = info.redis_version ?? "0";
  yield parseInt(version) >= leastMajor ? { subject, state: "ok", text: `version ${version}` } : {
    subject,
    state: "fail",
    text: `version ${version}; it needs ${leastMajor} or later`,
    advice: "use a newer one",
  };
  if (info.role !== undefined && info.role !== "master") {
    yield { subject, state: "fail", text: `it is a ${info.role}`, advice: "name the master, or its sentinels" };
  }
  yield* persistence(subject, info, send);
  yield eviction(subject, info);
}

async function* persistence(subject: string, info: Info, send: Master["send"]): AsyncIterable<Finding> {
  if (info.aof_enabled !== "1") {
    const advice = "appendonly yes and appendfsync everysec in redis.conf";
    yield {
      subject,
      state: "warn",
      text: "appendonly is off: a restart loses messages that were acknowledged",
      advice,
    };
    return;
  }
  const answer = await send(["CONFIG", "GET", "appendfsync"]).catch(() => undefined) as string[] | undefined;
  const fsync = answer?.[1];
  if (info.aof_last_write_status !== "ok") {
    yield { subject, state: "fail", text: "it cannot write its append-only file", advice: "see its log and its disk" };
  } else if (fsync === "no") {
    const text = "appendfsync is no: a power cut may lose half a minute";
    yield { subject, state: "warn", text, advice: "appendfsync everysec, or always where not a second may be lost" };
  } else if (fsync === undefined) {
    yield { subject, state: "skip", text: "appendonly is on; it does not say how often it is written to the disk" };
  } else yield { subject, state: "ok", text: `appendonly is on, appendfsync ${fsync}` };
}

function eviction(subject: string, info: Info): Finding {
  const { maxmemory = "0", maxmemory_policy: policy = "noeviction", maxmemory_human: human, used_memory = "0" } = info;
  if (policy !== "noeviction") {
    const text = `maxmemory-policy is ${policy}: when memory is short, it throws logs and accounts away`;
    return { subject, state: maxmemory === "0" ? "warn" : "fail", text, advice: "maxmemory-policy noeviction" };
  }
  if (maxmemory === "0") return { subject, state: "ok", text: "it throws nothing away; its memory has no limit" };
  const share = Math.round(100 * Number(used_memory) / Number(maxmemory));
  const text = `it throws nothing away; ${share} % of ${human} are used`;
  return share < 80 ? { subject, state: "ok", text } : { subject, state: "warn", text, advice: "give it more memory" };
}

type Info = Readonly<Record<string, string>>;

function parseInfo(text: string): Info {
  return Object.fromEntries(
    text.split(/\r?\n/).filter((line) => line.includes(":")).map((line) => [
      line.slice(0, line.indexOf(":")),
      line.slice(line.indexOf(":") + 1),
    ]),
  );
}
