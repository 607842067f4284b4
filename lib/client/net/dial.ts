/**
 * A TLS connection to one server, verified, or one line that says why it failed.
 *
 * The certificate's chain, its dates and the host's name are always checked here; the other ways in are in `trust.ts`.
 */

import { messageOf } from "../../common/errors.ts";
import { formatServer, type ServerAddress } from "../base/address.ts";
import { cleanLine } from "../../wire/clean.ts";
import { type Clock, systemClock } from "../../common/time.ts";
import { ClientError } from "../base/exit.ts";

/** A stream of bytes in both directions; `Deno.Conn` is one. */
export interface Transport {
  /** Fills the buffer from its start; null at the stream's end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Takes at least one byte; returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends both directions; a read or a write that waits is rejected. */
  close(): void;
}

/**
 * Connects to a server.
 *
 * @throws {DialError} when it cannot be reached or not be trusted, or the signal is aborted
 */
export type Dial = (server: ServerAddress, signal: AbortSignal) => Promise<Transport>;

/** What went wrong between the client and one server. */
export type DialFailure =
  | "refused"
  | "unknown_host"
  | "timeout"
  | "network"
  | "unknown_ca"
  | "wrong_name"
  | "expired"
  | "not_yet_valid"
  | "bad_certificate"
  | "unknown_certificate"
  | "changed_certificate"
  | "no_tls"
  | "closed"
  | "protocol"
  | "aborted";

/** A server could not be connected to. */
export class DialError extends ClientError {
  override readonly name = "DialError";

  /** @param failure which of the known failures it is */
  constructor(readonly failure: DialFailure, message: string, options?: ErrorOptions) {
    super("unreachable", message, options);
  }
}

/** How servers are dialed. */
export interface DialOptions {
  /** PEM certificates of authorities to trust beside those that Deno trusts. */
  readonly ca?: string;
  /** How long connecting and the handshake may take together, in milliseconds; 10,000 by default. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/**
 * Makes the function that dials over TLS.
 *
 * @returns a function that verifies each server's certificate and host name
 */
export function tlsDialer({ ca, timeoutMs = 10_000, clock = systemClock }: DialOptions): Dial {
  const caCerts = ca === undefined ? [] : [ca];
  return (server, signal) =>
    bounded(server, signal, { timeoutMs, clock }, (stop) => open(server, caCerts, stop), (late) => late.close());
}

/**
 * Bounds an attempt to connect.
 *
 * @param open makes the attempt, until its signal is aborted
 * @param discard gets what was opened too late
 * @throws {DialError} `timeout` or `aborted`, at once, however long `open` takes to end
 */
export async function bounded<T>(
  server: ServerAddress,
  signal: AbortSignal,
  { timeoutMs, clock }: { timeoutMs: number; clock: Clock },
  open: (stop: AbortSignal) => Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  const settled = new AbortController();
  const stop = new AbortController();
  const limit = clock.sleep(timeoutMs, AbortSignal.any([signal, settled.signal])).then(
    () => new DialError("timeout", `Cannot connect to ${formatServer(server)}: no answer in ${timeoutMs / 1000} s`),
    () => new DialError("aborted", `Gave up connecting to ${formatServer(server)}`),
  );
  const opened = open(stop.signal).then((value) => ({ value }), (cause) => explain(server, cause));
  const outcome = await Promise.race([opened, limit]);
  settled.abort();
  if (!(outcome instanceof DialError)) return outcome.value;
  opened.then((late) => late instanceof DialError || discard(late.value));
  stop.abort();
  throw outcome;
}

async function open(server: ServerAddress, caCerts: string[], stop: AbortSignal): Promise<Transport> {
  const tcp = hold(stop, await connectTcp(server));
  tcp.setNoDelay(true); // else a line may wait 40 ms for an acknowledgement of the one before it
  const tls = hold(stop, await Deno.startTls(tcp, { hostname: server.host, caCerts }));
  await tls.handshake();
  return tls;
}

/** Has a connection closed when the attempt is over before it is of use. */
function hold<C extends Deno.Conn>(stop: AbortSignal, connection: C): C {
  const close = () => {
    try {
      connection.close();
    } catch {
      // it became a TLS connection in between, or was closed already
    }
  };
  if (stop.aborted) close();
  else stop.addEventListener("abort", close, { once: true });
  return connection;
}

/** Deno before 2.5 tries only the first of a name's addresses: a server that listens on the other one is missed. */
async function connectTcp({ host, port }: ServerAddress): Promise<Deno.TcpConn> {
  try {
    return await Deno.connect({ hostname: host, port });
  } catch (cause) {
    if (host !== "localhost" || !(cause instanceof Deno.errors.ConnectionRefused)) throw cause;
    return await Deno.connect({ hostname: "127.0.0.1", port });
  }
}

/** What a TLS failure's message looks like (all of them are `InvalidData`), and what it means to a person. */
const tlsFailures: readonly {
  readonly pattern: RegExp;
  readonly failure: DialFailure;
  readonly because: (server: ServerAddress, found: RegExpExecArray) => string;
}[] = [
  {
    // The second is a certificate that has signed itself.
    pattern: /UnknownIssuer|CaUsedAsEndEntity/,
    failure: "unknown_ca",
    because: (server) =>
      "its certificate is signed by an authority that is not trusted here; name that one with --ca <file>, " +
      `or decide about it on a terminal: chat ${formatServer(server)}`,
  },
  {
    pattern: /not valid for name|NotValidForName/,
    failure: "wrong_name",
    because: ({ host }, { input }) => {
      const names = [...input.matchAll(/DnsName\("([^")]+)"\)|IpAddress\(([^)]+)\)/g)]
        .map(([, name, address]) => name ?? plainAddress(address)).slice(0, 5);
      return `its certificate is not for "${host}"${names.length === 0 ? "" : ` but for ${names.join(", ")}`}`;
    },
  },
  {
    pattern: /certificate expired(?:.*not valid after (\d+))?/i,
    failure: "expired",
    because: (_server, [, seconds]) => `its certificate expired${day(" on ", seconds)}`,
  },
  {
    pattern: /not valid yet(?:.*not valid before (\d+))?|NotValidYet/i,
    failure: "not_yet_valid",
    because: (_server, [, seconds]) =>
      `its certificate is not valid ${seconds ? `until${day(" ", seconds)}` : "yet"}, by this machine's clock`,
  },
  {
    pattern: /invalid peer certificate: (.*)/,
    failure: "bad_certificate",
    because: (_server, [, reason]) => `its certificate is not acceptable (${reason})`,
  },
  {
    // In the words of node:tls, which judges nothing else here: the handshake is not signed with the certificate's key.
    pattern: /unable to verify the first certificate|BadSignature/,
    failure: "bad_certificate",
    because: () => "it does not have the key of the certificate that it shows",
  },
  {
    pattern: /corrupt message|InvalidContentType/,
    failure: "no_tls",
    because: () => "it does not speak TLS",
  },
];

/** What an attempt's failure means to a person. */
export function explain(server: ServerAddress, cause: unknown): DialError {
  if (cause instanceof DialError) return cause;
  const where = formatServer(server);
  const message = messageOf(cause);
  const tell = (failure: DialFailure, sentence: string) => new DialError(failure, cleanLine(sentence), { cause });
  for (const { pattern, failure, because } of tlsFailures) {
    const found = pattern.exec(message);
    if (!found) continue;
    const verb = failure === "no_tls" ? "Cannot connect to" : "Cannot trust";
    return tell(failure, `${verb} ${where}: ${because(server, found)}`);
  }
  const code = (cause as { code?: unknown } | null)?.code; // of Node's errors
  if (cause instanceof Deno.errors.ConnectionRefused || code === "ECONNREFUSED") {
    return tell("refused", `Cannot connect to ${where}: nothing listens there (connection refused)`);
  }
  if (code === "ENOTFOUND" || /failed to lookup address|No address|not known|resolve/i.test(message)) {
    return tell("unknown_host", `Cannot connect to ${where}: there is no host of that name`);
  }
  const closed = cause instanceof Deno.errors.UnexpectedEof || cause instanceof Deno.errors.ConnectionReset;
  if (closed || code === "ECONNRESET") {
    return tell("closed", `Cannot connect to ${where}: it closed the connection during the TLS handshake`);
  }
  return tell("network", `Cannot connect to ${where}: ${message}`);
}

function day(before: string, seconds: string | undefined): string {
  return seconds === undefined ? "" : before + new Date(Number(seconds) * 1000).toISOString().slice(0, 10);
}

/** A certificate's address as people write it: TLS tells `::1` as `0::1`, and `fe80::` as `fe80`. */
function plainAddress(told: string): string {
  if (told.includes(".")) return told;
  const url = URL.parse(`http://[${told}]`) ?? URL.parse(`http://[${told}::]`);
  return url ? url.hostname.slice(1, -1) : told;
}
