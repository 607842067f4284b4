import { formatServer, type ServerAddress } from "../base/address.ts";
import { type Clock, systemClock } from "../../common/time.ts";
import { bounded, type Dial, DialError, explain, tlsDialer, type Transport } from "./dial.ts";
import type { KnownServers } from "./known_servers.ts";
import { type CertifiedPeer, connectPeer, type PeerCertificate } from "./peer_certificate.ts";

/** Asks whether a server's certificate is the right one; undefined where nobody can be asked. */
export type AskTrust = (server: ServerAddress, certificate: PeerCertificate) => Promise<boolean | undefined>;

/** What servers are trusted by. */
export interface TrustOptions {
  /** PEM certificates of authorities to trust beside those that Deno trusts. */
  readonly ca?: string;
  /** Whether the authorities were named for this, and go before what is known. */
  readonly named: boolean;
  readonly known: KnownServers;
  /** Whether an unknown server's certificate is asked about, and remembered. */
  readonly tofu: boolean;
  /** Whether any certificate will do. */
  readonly insecure: boolean;
  readonly ask: AskTrust;
  /** How long connecting and the handshake may take together, in milliseconds; 10,000 by default. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/**
 * Makes the function that dials servers, and decides whom the client believes to be one: an authority's word, a person's
 * own on first use, or, each time that it is asked for, nobody's.
 *
 * 1. Without `tofu` and `insecure`, a server that is not known is verified by the authorities, always.
 * 2. A server that is known is held to the certificate that was agreed to, and to nothing else; only an authority that
 *    was named (`--ca`) goes before it.
 * 3. Nothing is sent before the certificate is decided about, and the one that was agreed to is the one that is used.
 */
export function trustDialer(options: TrustOptions): Dial {
  const { ca, named, known, tofu, insecure, ask, timeoutMs = 10_000, clock = systemClock } = options;
  const verified = tlsDialer({ ca, timeoutMs, clock });

  async function meet(server: ServerAddress, signal: AbortSignal): Promise<CertifiedPeer> {
    return await bounded(server, signal, { timeoutMs, clock }, async (stop) => {
      try {
        return await connectPeer(server, stop);
      } catch (cause) {
        throw explain(server, cause);
      }
    }, ({ transport }) => transport.close());
  }

  async function held(server: ServerAddress, pin: string, signal: AbortSignal): Promise<Transport> {
    const { transport, certificate } = await meet(server, signal);
    if (certificate?.fingerprint === pin) return transport;
    transport.close();
    throw certificate ? changed(server, pin, certificate) : untold(server);
  }

  async function firstUse(server: ServerAddress, signal: AbortSignal): Promise<Transport> {
    const { transport, certificate } = await meet(server, signal);
    transport.close(); // a person takes their time
    if (!certificate) throw untold(server);
    const agreed = await ask(server, certificate);
    if (!agreed) throw unknown(server, certificate, agreed === undefined);
    known.remember(server, certificate.fingerprint);
    return await held(server, certificate.fingerprint, signal);
  }

  return async (server, signal) => {
    if (insecure) return (await meet(server, signal)).transport;
    const pin = named ? undefined : known.find(server);
    if (pin !== undefined) return await held(server, pin, signal);
    return await (tofu ? firstUse(server, signal) : verified(server, signal));
  };
}

function changed(server: ServerAddress, pin: string, { fingerprint }: PeerCertificate): DialError {
  const where = formatServer(server);
  return new DialError(
    "changed_certificate",
    `Cannot trust ${where}: its certificate has changed, which is how it looks when somebody is in between. ` +
      `It was SHA-256 ${pin}, it is SHA-256 ${fingerprint}. Where that is known to be right: chat forget ${where}`,
  );
}

function unknown(server: ServerAddress, { fingerprint }: PeerCertificate, unasked: boolean): DialError {
  const where = formatServer(server);
  const advice = unasked ? `; nobody can be asked here, so run first, on a terminal: chat --tofu ${where}` : "";
  return new DialError(
    "unknown_certificate",
    `Cannot trust ${where}: nobody has agreed to its certificate, SHA-256 ${fingerprint}${advice}`,
  );
}

function untold(server: ServerAddress): DialError {
  return new DialError(
    "bad_certificate",
    `Cannot trust ${formatServer(server)}: this release of Deno, ${Deno.version.deno}, does not tell its certificate`,
  );
}
