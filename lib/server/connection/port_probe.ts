import { messageOf } from "../../common/errors.ts";
import { pause, within } from "../../common/time.ts";

/** Settings of a probe. */
export interface PortProbeOptions {
  /** The address that is listened on. */
  readonly hostname: string;
  /** The certificate that is served, PEM. */
  readonly certificate: () => string;
  /** Where the workers of a process write whose probe is on its way: see {@linkcode probePorts}. */
  readonly ports?: SharedArrayBuffer | undefined;
  /** The worker's number, from 1 on. */
  readonly worker?: number | undefined;
  /** How long an answer may take, in milliseconds; 4 seconds by default. */
  readonly timeoutMs?: number;
}

/** What stands in the place of a port while a probe dials. */
const dialling = -1;

/** How long it is waited for a probe that dials in another worker, in milliseconds, and how often it is looked for. */
const dial = { forMs: 50, everyMs: 2 };

/** So many times in a row the port must not answer before that is told: a machine may be busy. */
const tellAfter = 2;

/** The memory in which workers that share a port know each other's probes: the kernel may give them to any. */
export function probePorts(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * workers);
}

/**
 * Connects to the server's own port as a client would, as far as the handshake.
 *
 * 1. It takes nobody's place: the listener knows its own probes by the port that they come from, and counts them nowhere.
 * 2. It judges no certificate: that is told when it expires. A certificate that it would refuse is an answer.
 */
export class PortProbe {
  readonly #options: PortProbeOptions;
  readonly #host: string;
  readonly #ports: Int32Array;
  readonly #slot: number;
  #failures = 0;
  #reason = "";

  constructor(options: PortProbeOptions) {
    this.#options = options;
    const { hostname, ports = probePorts(1), worker = 1 } = options;
    this.#host = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
    this.#ports = new Int32Array(ports);
    this.#slot = Math.min(worker, this.#ports.length) - 1;
  }

  /** Why the port does not answer; undefined where it does. */
  get problem(): string | undefined {
    return this.#failures >= tellAfter ? this.#reason : undefined;
  }

  /** Tries whether the port answers. Never rejects. */
  async run(port: number): Promise<void> {
    try {
      await this.#shakeHands(port);
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      this.#reason = `port ${port} does not answer: ${messageOf(error)}`;
    }
  }

  /** Whether a connection that was accepted is a probe of this process. */
  async isOwn(conn: Deno.Conn): Promise<boolean> {
    const { hostname, port } = conn.remoteAddr as Deno.NetAddr;
    const local = (conn.localAddr as Deno.NetAddr).hostname;
    if (hostname !== local) return false; // it comes from elsewhere
    const deadline = performance.now() + dial.forMs;
    for (;;) {
      const slot = this.#ports.indexOf(port);
      if (slot >= 0) return Atomics.compareExchange(this.#ports, slot, port, 0) === port; // it comes once
      if (!this.#ports.includes(dialling) || performance.now() > deadline) return false;
      await pause(dial.everyMs);
    }
  }

  async #shakeHands(port: number): Promise<void> {
    const { certificate, timeoutMs = 4_000 } = this.#options;
    let open: Deno.Conn | undefined;
    Atomics.store(this.#ports, this.#slot, dialling);
    try {
      await within(timeoutMs, async (late) => {
        const tcp = await Deno.connect({ hostname: this.#host, port, signal: late });
        open = tcp;
        const own = (tcp.localAddr as Deno.NetAddr).port;
        Atomics.store(this.#ports, this.#slot, own);
        const tls = await Deno.startTls(tcp, { hostname: "localhost", caCerts: [certificate()] });
        open = tls;
        await tls.handshake().catch((error) => {
          if (!/certificate|CertNotValid|UnknownIssuer/i.test(messageOf(error))) throw error;
        });
        // The handshake goes on by itself: that somebody accepted the connection is known when it was recognized.
        while (!late.aborted && Atomics.load(this.#ports, this.#slot) === own) await pause(dial.everyMs, late);
      });
    } finally {
      Atomics.store(this.#ports, this.#slot, 0);
      try {
        open?.close();
      } catch { /* the handshake closed it */ }
    }
  }
}
