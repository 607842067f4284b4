/**
 * Spans of a running server, as a collector gets them.
 */

import assert from "node:assert/strict";
import { every, permitted } from "../support/needs.ts";
import { processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { sharedRedis } from "../support/redis.ts";
import { test } from "../support/server.ts";
import { until } from "../support/turns.ts";

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly status?: { readonly code?: number; readonly message?: string };
}

/** Takes spans as OTLP's JSON over HTTP. */
class Collector implements AsyncDisposable {
  readonly spans: Span[] = [];
  readonly #server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const body = await request.text();
    if (request.url.endsWith("/v1/traces")) {
      for (const { scopeSpans } of JSON.parse(body).resourceSpans) {
        for (const { spans } of scopeSpans as { spans: Span[] }[]) this.spans.push(...spans);
      }
    }
    return Response.json({});
  });

  get settings(): Record<string, string> {
    return {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_BSP_SCHEDULE_DELAY: "50",
    };
  }

  /** Waits for a span. */
  find(what: string, wanted: (span: Span) => boolean): Promise<Span> {
    return until(`there is ${what}`, () => this.spans.find(wanted), { everyMs: 20 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** The spans from a line to its delivery must be one trace. */
async function followsSay(collector: Collector): Promise<void> {
  const line = await collector.find("a command's span", ({ name }) => name === "command say");
  const inLine = (name: string) => ({ name: found, traceId, parentSpanId }: Span) =>
    found === name && traceId === line.traceId && parentSpanId === line.spanId;
  await collector.find("the store's, within", inLine("store publish"));
  await collector.find("the delivery's, that the message led to", inLine("deliver"));
}

test("OTEL_DENO=true makes spans from a line to its delivery, and says which failed", async () => {
  await using folder = await temporaryFolder();
  await using collector = new Collector();
  await using server = await ServerProcess.start(folder.path, { DEMO_ACCOUNTS: "on", ...collector.settings });
  await using a = await server.login("a");
  await a.send("hello");
  await a.expect("a: hello");
  await followsSay(collector);
  await a.send("/who nowhere!");
  await a.send("/msg nobody hi");
  await a.until(/unknown_user/);
  const failed = await collector.find("the failed one", ({ name }) => name === "command msg");
  assert.deepEqual([failed.status?.code, failed.status?.message], [2, "unknown_user"]);
  assert.ok(!JSON.stringify(collector.spans).includes("hello"), "no text is told");
}, processes);

test("OTEL_DENO=true makes spans that lead from one worker to the other", async () => {
  await using folder = await temporaryFolder();
  await using place = sharedRedis.place();
  await using collector = new Collector();
  await using server = await ServerProcess.start(folder.path, {
    DEMO_ACCOUNTS: "on",
    WORKERS: "2",
    REDIS_URL: place.url,
    REDIS_PREFIX: place.prefix,
    ...collector.settings,
  });
  const people = await Promise.all([..."abcdefgh"].map((user) => server.login(user)));
  await people[0].send("hello");
  await Promise.all(people.map((person) => person.until("a: hello")));
  await followsSay(collector);
  for (const person of people) await person[Symbol.asyncDispose]();
}, every(processes, sharedRedis, await permitted("ffi", "sys")));
