/** A network between client and service, with faults that a seed decides, and an ear that reads along. */

import type { Prng } from "../../tests/chaos/prng.ts";

/** How the network is. */
export interface Conditions {
  /** The share of datagrams, or of TCP's segments, that is lost: 0 to 1. */
  readonly loss: number;
  readonly prng: Prng;
}

/** One way, in milliseconds. */
const delayMs = 2;

/** The share of datagrams that comes late, and how much later, in milliseconds; and the share that comes twice. */
const [late, lateMs, twice] = [0.01, 5, 0.01];

/**
 * What one lost segment costs a stream, in milliseconds: Linux's least retransmission timeout. A loss that three later
 * segments follow is repaired sooner, within a round trip: for those the model is too hard.
 */
export const stallMs = 200;

/** The most that one segment of TCP carries on Ethernet, in bytes. */
const segmentBytes = 1_448;

/** What passes by. */
export class Ear {
  /** Payload, both ways, in bytes. */
  bytes = 0;
  /** Datagrams, or pieces of a stream. */
  packets = 0;
  readonly found = new Set<string>();
  readonly #wanted: readonly string[];

  /** @param wanted what it looks for in all that passes */
  constructor(wanted: readonly string[]) {
    this.#wanted = wanted;
  }

  hear(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.packets++;
    if (this.found.size === this.#wanted.length) return;
    const text = new TextDecoder("latin1").decode(bytes);
    for (const secret of this.#wanted) if (text.includes(secret)) this.found.add(secret);
  }
}

/** A proxy for one client. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
}

const hostname = "127.0.0.1";

/** Passes datagrams on: some are lost, late, or come twice. */
export function proxyDatagrams(to: number, { loss, prng }: Conditions, ear: Ear): Proxy {
  const near = Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
  const far = Deno.listenDatagram({ hostname, port: 0, transport: "udp" });
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let client: Deno.Addr | undefined;
  const pass = (bytes: Uint8Array, send: () => Promise<unknown>) => {
    ear.hear(bytes);
    if (prng.next() < loss) return;
    const after = (ms: number) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        send().catch(() => {});
      }, ms);
      timers.add(timer);
    };
    after(delayMs + (prng.next() < late ? lateMs : 0));
    if (prng.next() < twice) after(delayMs + 1);
  };
  const carry = async (from: Deno.DatagramConn, each: (bytes: Uint8Array, address: Deno.Addr) => void) => {
    try {
      for await (const [bytes, address] of from) each(bytes, address);
    } catch {
      // It is closed.
    }
  };
  const carrying = [
    carry(near, (bytes, address) => {
      client = address;
      pass(bytes, () => far.send(bytes, { transport: "udp", hostname, port: to }));
    }),
    carry(far, (bytes) => pass(bytes, () => client ? near.send(bytes, client) : Promise.resolve())),
  ];
  return {
    port: (near.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      near.close();
      far.close();
      for (const timer of timers) clearTimeout(timer);
      await Promise.all(carrying);
    },
  };
}

/** Passes a stream on: what is lost holds up all that follows it, for one retransmission timeout. */
export function proxyStream(to: number, conditions: Conditions, ear: Ear): Proxy {
  const listener = Deno.listen({ hostname, port: 0 });
  const conns: Deno.Conn[] = [];
  const run = async () => {
    const near = await listener.accept();
    const far = await Deno.connect({ hostname, port: to });
    near.setNoDelay();
    far.setNoDelay();
    conns.push(near, far);
    await Promise.all([pump(near, far, conditions, ear), pump(far, near, conditions, ear)]);
  };
  const running = run().catch(() => {});
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of conns) {
        try {
          conn.close();
        } catch {
          // Closed by its peer.
        }
      }
      await running;
    },
  };
}

async function pump(from: Deno.Conn, to: Deno.Conn, { loss, prng }: Conditions, ear: Ear): Promise<void> {
  const buffer = new Uint8Array(65_536);
  let arriving = Promise.resolve();
  let due = 0;
  for (let read; (read = await from.read(buffer)) !== null;) {
    const bytes = buffer.slice(0, read);
    ear.hear(bytes);
    const stalls = Array.from({ length: Math.ceil(read / segmentBytes) }, () => prng.next() < loss).filter(Boolean);
    due = Math.max(due, performance.now() + delayMs) + stalls.length * stallMs;
    const at = due;
    arriving = arriving.then(async () => {
      const left = at - performance.now();
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
      for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
    });
    arriving.catch(() => {});
  }
  await arriving;
}
