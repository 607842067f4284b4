/**
 * A TCP proxy that spoils connections: it cuts them in the middle of what they carry, slows them down to single bytes,
 * holds them up, or swallows what they carry.
 *
 * It knows no protocol: what it cuts through is a TLS record with a line in it, or a command to Redis.
 */

import { Outages } from "./outages.ts";
import { pause } from "../../lib/common/time.ts";

const hostname = "127.0.0.1";

/** What happens to the bytes of a connection. */
export type Weather =
  | { readonly kind: "clear" }
  /** So many bytes at a time, and a pause after each piece. */
  | { readonly kind: "slow"; readonly bytes: number; readonly pauseMs: number }
  /** All passes, and takes so long on its way. */
  | { readonly kind: "late"; readonly ms: number }
  /** Nothing passes; what waits passes when it is clear again. */
  | { readonly kind: "held" }
  /** All is taken and thrown away: the other side is gone and nobody was told. */
  | { readonly kind: "swallowed" };

const clear: Weather = { kind: "clear" };

/** One proxied connection. */
export class Link {
  /** When it was spoilt. */
  readonly troubles = new Outages();
  /** How many bytes it has read from either side. */
  taken = 0;
  readonly #near: Deno.TcpConn;
  readonly #far: Deno.TcpConn;
  readonly #now: () => number;
  #weather: Weather = clear;
  #changed = Promise.withResolvers<void>();
  #cutAt: number | undefined;
  #cutting: ReturnType<typeof setTimeout> | undefined;
  #over: (to: number) => void = () => {};
  #closed = false;

  constructor(near: Deno.TcpConn, far: Deno.TcpConn, now: () => number) {
    this.#near = near;
    this.#far = far;
    this.#now = now;
  }

  get weather(): Weather {
    return this.#weather;
  }

  set weather(weather: Weather) {
    // What was thrown away leaves a hole in the stream: such a connection cannot go on.
    if (this.#weather.kind === "swallowed") {
      this.destroy();
      return;
    }
    this.#over(this.#now());
    this.#over = weather.kind === "clear" ? () => {} : this.troubles.begin(this.#now());
    this.#weather = weather;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Cuts it within the next piece that it carries, or soon if it carries nothing. @param share how much of it passes */
  cut(share: number): void {
    if (this.#closed) return;
    this.#cutAt = share;
    this.#cutting ??= setTimeout(() => this.destroy(), 200);
  }

  /** The near end is gone. What was on its way still arrives. */
  leave(): void {
    if (this.#weather.kind === "clear") this.destroy();
  }

  /** Ends it here and now. */
  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#cutting);
    this.#changed.resolve();
    for (const conn of [this.#near, this.#far]) {
      try {
        conn.close();
      } catch {
        // Closed by its peer.
      }
    }
  }

  /** Carries bytes both ways until both ends are done. */
  async run(): Promise<void> {
    await Promise.all([this.#pump(this.#near, this.#far), this.#pump(this.#far, this.#near)]);
    this.destroy();
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(16_384);
    let late = Promise.resolve(); // what is on its way, in order
    try {
      for (let read; (read = await from.read(buffer)) !== null;) {
        this.taken += read;
        if (this.#cutAt !== undefined) {
          await writeAll(to, buffer.subarray(0, Math.floor(read * this.#cutAt)));
          return this.destroy();
        }
        if (this.#weather.kind === "late") {
          const [bytes, journey] = [buffer.slice(0, read), pause(this.#weather.ms)];
          late = late.then(() => journey).then(() => this.#carry(bytes, to));
          late.catch(() => this.destroy());
          continue;
        }
        await late;
        await this.#carry(buffer.subarray(0, read), to);
      }
      await late;
      while (this.#weather.kind === "held" && !this.#closed) await this.#changed.promise;
      await to.closeWrite();
    } catch {
      this.destroy();
    }
  }

  async #carry(bytes: Uint8Array, to: Deno.TcpConn): Promise<void> {
    for (let sent = 0; sent < bytes.length && !this.#closed;) {
      const weather = this.#weather;
      if (weather.kind === "swallowed") return;
      if (weather.kind === "held") {
        await this.#changed.promise;
        continue;
      }
      const end = weather.kind === "slow" ? sent + weather.bytes : bytes.length;
      await writeAll(to, bytes.subarray(sent, end));
      sent = end;
      if (weather.kind === "slow") await pause(weather.pauseMs);
    }
  }
}

/** Listens on a port of its own and passes on to another; see the file's first lines. */
export class Proxy implements AsyncDisposable {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #upstream: () => number | undefined;
  readonly #now: () => number;
  readonly #links = new Map<number, Link>();
  readonly #accepting: Promise<void>;
  readonly #running = new Set<Promise<void>>();
  #weather: Weather = clear;

  /**
   * @param upstream gives the port to pass on to; undefined refuses
   * @param now the run's clock, in milliseconds
   */
  constructor(upstream: () => number | undefined, now: () => number) {
    this.#upstream = upstream;
    this.#now = now;
    this.#listener = Deno.listen({ hostname, port: 0 });
    this.port = this.#listener.addr.port;
    this.#accepting = this.#accept();
  }

  /** The connections that there are. */
  get links(): Link[] {
    return [...this.#links.values()];
  }

  /** What all connections meet from now on, those that are yet to come as well. */
  set weather(weather: Weather) {
    this.#weather = weather;
    for (const link of this.#links.values()) link.weather = weather;
  }

  /** The connection of the client with this port, if there still is one. */
  link(clientPort: number): Link | undefined {
    return this.#links.get(clientPort);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const link of this.#links.values()) link.destroy();
    await this.#accepting;
    await Promise.all(this.#running);
  }

  async #accept(): Promise<void> {
    for (;;) {
      let conn: Deno.TcpConn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        continue;
      }
      const run = this.#serve(conn).finally(() => this.#running.delete(run));
      this.#running.add(run);
    }
  }

  async #serve(near: Deno.TcpConn): Promise<void> {
    const port = this.#upstream();
    let far: Deno.TcpConn;
    try {
      if (port === undefined) throw new Error("nobody is there");
      far = await Deno.connect({ hostname, port });
    } catch {
      return near.close();
    }
    near.setNoDelay(true);
    far.setNoDelay(true);
    const link = new Link(near, far, this.#now);
    const key = (near.remoteAddr as Deno.NetAddr).port;
    this.#links.set(key, link);
    if (this.#weather.kind !== "clear") link.weather = this.#weather;
    await link.run();
    if (this.#links.get(key) === link) this.#links.delete(key);
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}
