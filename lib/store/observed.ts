/**
 * A store that is watched: how long each operation takes, which fail, and what is published.
 *
 * Nothing else changes: the promises that callers get are the store's own.
 */

import type { Count, Distribution, Metrics } from "../observability/metrics.ts";
import { tracing } from "../observability/tracing.ts";
import { parseTopic } from "../wire/names.ts";
import type { Files } from "./files.ts";
import type { Store, Topics } from "./store.ts";

/** What becomes of a message that is published. */
const outcomes = ["published", "repeated", "fenced", "full", "failed"] as const;

type Outcome = (typeof outcomes)[number];

/** Watches a store; disposing of the result is disposing of the store. */
export function observedStore(store: Store, metrics: Metrics): Store {
  const returns = metrics.counter("chat_store_returns_total");
  return forwarding(store, {
    accounts: observed(store.accounts, metrics),
    sessions: observed(store.sessions, metrics),
    servers: observed(store.servers, metrics),
    files: countingFiles(observed(store.files, metrics, "files_"), metrics),
    deviceKeys: observed(store.deviceKeys, metrics, "keys_"),
    topics: countingTopics(observed(store.topics, metrics), metrics),
    onReturn: (listener) =>
      store.onReturn(() => {
        returns.value++;
        return listener();
      }),
  });
}

/**
 * The same members; what answers with a promise is timed until that is settled.
 *
 * @param prefix what its operations' names begin with, where another part has some of the same name
 */
function observed<T extends object>(part: T, metrics: Metrics, prefix = ""): T {
  const methods = [...namesOf(part)].filter((name) => typeof (part as Record<string, unknown>)[name] === "function");
  const timed = methods.map((
    name,
  ) => [name, timedMethod(part as Methods, name, prefix + (labels[name] ?? name), metrics)]);
  return forwarding(part, Object.fromEntries(timed) as Partial<T>);
}

/** Operations whose label in the metrics is older than their name. */
const labels: Readonly<Record<string, string>> = { savePositions: "stand" };

type Methods = Record<string, (...args: unknown[]) => unknown>;

function timedMethod(part: Methods, name: string, operation: string, metrics: Metrics): Methods[string] {
  let watch: { readonly duration: Distribution; readonly errors: Count } | undefined;
  return (...args) => {
    const since = performance.now();
    const answer = tracing
      ? tracing.run(`store ${operation}`, {}, () => part[name](...args) as Promise<unknown>)
      : part[name](...args);
    if (!(answer instanceof Promise)) return answer;
    const { duration, errors } = watch ??= {
      duration: metrics.histogram("chat_store_operation_duration_seconds", { operation }),
      errors: metrics.counter("chat_store_errors_total", { operation }),
    };
    const done = () => duration.observe((performance.now() - since) / 1000);
    answer.then(done, () => {
      done();
      errors.value++;
    });
    return answer;
  };
}

function countingTopics(topics: Topics, metrics: Metrics): Topics {
  const cells = (kind: "room" | "feed" | "inbox") => {
    const cell = (outcome: Outcome) => metrics.counter("chat_messages_published_total", { kind, outcome });
    return Object.fromEntries(outcomes.map((outcome) => [outcome, cell(outcome)])) as Record<Outcome, Count>;
  };
  const counts = { room: cells("room"), feed: cells("feed"), inbox: cells("inbox") };
  const publish: Topics["publish"] = (topic, draft, writer) => {
    const count = counts[parseTopic(topic)!.kind];
    const answer = topics.publish(topic, draft, writer);
    answer.then(
      (result) => count[result.kind === "published" && result.repeated ? "repeated" : result.kind].value++,
      () => count.failed.value++,
    );
    return answer;
  };
  return forwarding(topics, { publish });
}

function countingFiles(files: Files, metrics: Metrics): Files {
  const stored = metrics.counter("chat_file_chunks_total", { direction: "stored" });
  const fetched = metrics.counter("chat_file_chunks_total", { direction: "fetched" });
  const refused = metrics.counter("chat_files_refused_total");
  return forwarding(files, {
    async begin(draft) {
      const begun = await files.begin(draft);
      if (begun === "full") refused.value++;
      return begun;
    },
    async put(file, n, data) {
      const have = await files.put(file, n, data);
      if (have === n + 1) stored.value++;
      if (have === "full") refused.value++;
      return have;
    },
    async get(id, n) {
      const data = await files.get(id, n);
      if (data !== undefined) fetched.value++;
      return data;
    },
  });
}

/** An object with another's members, but for those that replace them. */
function forwarding<T extends object>(to: T, replacing: Partial<T>): T {
  const result = {};
  for (const name of [...namesOf(to), ...symbolsOf(to)]) {
    const get = () => {
      const member = (to as Record<string | symbol, unknown>)[name];
      return typeof member === "function" ? member.bind(to) : member;
    };
    Object.defineProperty(result, name, { get, configurable: true, enumerable: true });
  }
  return Object.defineProperties(result, Object.getOwnPropertyDescriptors(replacing)) as T;
}

/** What an object has, its classes' members among them. */
function namesOf(part: object): Set<string> {
  return new Set(ancestry(part).flatMap(Object.getOwnPropertyNames).filter((name) => name !== "constructor"));
}

function symbolsOf(part: object): Set<symbol> {
  return new Set(ancestry(part).flatMap(Object.getOwnPropertySymbols));
}

/** An object and its prototypes, but for the last, that of all objects. */
function ancestry(part: object): object[] {
  const line = [];
  for (let at: object | null = part; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) line.push(at);
  return line;
}
