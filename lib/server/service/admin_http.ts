/**
 * Health and metrics over plain HTTP, for orchestrators and Prometheus.
 */

import { type Config, usesRedis } from "../../config/config.ts";
import { getLog } from "../../observability/log.ts";
import { exposition, expositionType } from "../../observability/metrics.ts";
import type { Check, Problem, Watched } from "../metering/health.ts";
import { ProcessMetrics } from "./process_metrics.ts";

/** The port that {@linkcode openAdminHttp} tries where the configuration names none. */
export const usualAdminPort = 9464;

/** Settings and ports of the admin port. */
export interface AdminHttpOptions {
  readonly hostname: string;
  /** 0 takes any that is free. */
  readonly port: number;
  readonly process: ProcessMetrics;
}

/** The checks that are the server's own: a store that is away is nothing that a new start would mend. */
const ownChecks: ReadonlySet<Check> = new Set(["start", "port", "worker", "drain"]);

const log = getLog("server", "admin");

/**
 * Opens the admin port as the configuration says.
 *
 * @returns undefined where it is off, or where no port is named and the usual one is taken, perhaps by another server
 * @throws {Deno.errors.AddrInUse} where the port that was named is taken
 */
export function openAdminHttp(config: Config): AdminHttp | undefined {
  const { adminHost: hostname, adminPort: named } = config;
  if (named === "off") return undefined;
  using stack = new DisposableStack();
  const process = stack.use(new ProcessMetrics(usesRedis(config) ? "redis" : "sqlite"));
  try {
    const http = new AdminHttp({ hostname, port: named ?? usualAdminPort, process });
    stack.move();
    log.info("admin_ready", { host: hostname, port: http.port });
    return http;
  } catch (error) {
    if (named !== undefined || !(error instanceof Deno.errors.AddrInUse)) throw error;
    log.warn("admin_port_taken", { port: usualAdminPort, advice: "set ADMIN_PORT for health and metrics" });
    return undefined;
  }
}

/**
 * The admin port.
 *
 * - `/livez`: 200 while the process does its work; 503 where only a new start helps.
 * - `/healthz`: 200 where the server is up and its port answers, also while the store is away; for a container's check.
 * - `/readyz`: 200 where the server wants clients, else 503; one line of JSON says why.
 * - `/metrics`: Prometheus' text format.
 *
 * It is open before the server is and until after the drain, so that both show. It tells no secrets and asks for no
 * password: it belongs on loopback or in a private network.
 */
export class AdminHttp implements AsyncDisposable {
  readonly port: number;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #process: ProcessMetrics;
  readonly #closed = new AbortController();
  #watched: Watched | undefined;
  #starting: Problem = { check: "start", reason: "the server is starting" };

  /** @throws {Deno.errors.AddrInUse} where the port is taken */
  constructor({ hostname, port, process }: AdminHttpOptions) {
    this.#process = process;
    this.#server = Deno.serve(
      { hostname, port, signal: this.#closed.signal, onListen: () => {}, onError: (error) => failed(error) },
      (request) => this.#answer(request),
    );
    this.port = this.#server.addr.port;
  }

  /** Answers for this server from now on; until then, the answer is that it is starting. */
  watch(server: Watched): void {
    this.#watched = server;
  }

  /** Says why the server is not up yet. */
  waits(reason: string): void {
    this.#starting = { check: "start", reason: `the server is starting, and waits: ${reason}` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await this.#server.finished;
    this.#process[Symbol.dispose]();
  }

  async #answer({ method, url }: Request): Promise<Response> {
    const { pathname } = new URL(url);
    if (method !== "GET" && method !== "HEAD") return text("Only to be read\n", 405);
    switch (pathname) {
      case "/livez":
        return this.#livez();
      case "/healthz":
        return await this.#healthz();
      case "/readyz":
        return await this.#readyz();
      case "/metrics":
        return await this.#metrics();
      default:
        return text("There is /livez, /healthz, /readyz and /metrics here\n", 404);
    }
  }

  #livez(): Response {
    const reason = this.#watched?.stuck();
    return reason === undefined ? json({ live: true }, 200) : json({ live: false, reason }, 503);
  }

  async #healthz(): Promise<Response> {
    const reasons = (await this.#problems()).filter(({ check }) => ownChecks.has(check));
    return reasons.length === 0 ? json({ healthy: true }, 200) : json({ healthy: false, reasons }, 503);
  }

  async #problems(): Promise<readonly Problem[]> {
    return this.#watched ? await this.#watched.health() : [this.#starting];
  }

  async #readyz(): Promise<Response> {
    const reasons = await this.#problems();
    return reasons.length === 0 ? json({ ready: true }, 200) : json({ ready: false, reasons }, 503);
  }

  async #metrics(): Promise<Response> {
    const servers = await this.#watched?.snapshots() ?? [];
    return text(await exposition([this.#process.snapshot(), ...servers]), 200, expositionType);
  }
}

function json(body: unknown, status: number): Response {
  return text(`${JSON.stringify(body)}\n`, status, "application/json");
}

function text(body: string, status: number, type = "text/plain; charset=utf-8"): Response {
  return new Response(body, { status, headers: { "content-type": type, "cache-control": "no-store" } });
}

function failed(error: unknown): Response {
  return text(`${(error as Error).message}\n`, 500);
}
