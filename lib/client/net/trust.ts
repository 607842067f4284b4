import { formatServer, type ServerAddress } from "../base/address.ts";
import { type Clock, systemClock } from "../../common/time.ts";
import { bounded, type Dial, DialError, explain, tlsDialer, type Transport } from "./dial.ts";
import type { KnownServers } from "./known_servers.ts";
import { type CertifiedPeer, connectPeer, type PeerCertificate } from "./peer_certificate.ts";

/** Asks whether a server's certificate is the right one. */
export type AskTrust = (server: ServerAddress, certificate: PeerCertificate) => Promise<boolean>;

/** What servers are trusted by. */
export interface TrustOptions {
  /** PEM certificates of authorities to trust beside those that Deno trusts. */
  readonly ca?: string;
  /** Whether the authorities were named for this, and go before what is known. */
  readonly named: boolean;
  /** Whether the authorities are everybody's, and not the server's own: what they vouch for is remembered. */
  readonly publicAuthorities: boolean;
  readonly known: KnownServers;
  /** Whether an unknown server's certificate is asked about before any authority is. */
  readonly tofu: boolean;
  /** Whether any certificate will do. */
  readonly insecure: boolean;
  /** How a person is asked; undefined where nobody can be. */
  ask(): AskTrust | undefined;
  /** How long connecting and the handshake may take together, in milliseconds; 10,000 by default. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/**
 * Makes the function that dials servers, and decides whom the client believes to be one: an authority's word, a person's
 * own on first use, or, each time that it is asked for, nobody's.
 *
 * 1. A server that is not known is verified by the authorities. Where none that is trusted here has signed its
 *    certificate, and somebody can be asked, a person decides; with `tofu` at once. No authority is asked with `insecure`.
 * 2. A server that is known is held to the certificate that was agreed to, and to nothing else; only an authority that
 *    was named (`--ca`) goes before it.
 * 3. Nobody is asked where a certificate has changed: neither that of a known server, nor that of one for which an
 *    authority of everybody's has vouched before.
 * 4. Nothing is sent before the certificate is decided about, and the one that was agreed to is the one that is used.
 */
export function trustDialer(options: TrustOptions): Dial {
  const dialer = new TrustDialer(options);
  return (server, signal) => dialer.dial(server, signal);
}

class TrustDialer {
  readonly #options: TrustOptions & Required<Pick<TrustOptions, "timeoutMs" | "clock">>;
  readonly #verified: Dial;

  constructor(options: TrustOptions) {
    const { ca, timeoutMs = 10_000, clock = systemClock } = options;
    this.#options = { ...options, timeoutMs, clock };
    this.#verified = tlsDialer({ timeoutMs, clock, ...(ca === undefined ? {} : { ca }) });
  }

  async dial(server: ServerAddress, signal: AbortSignal): Promise<Transport> {
    const { named, known, tofu, insecure } = this.#options;
    if (insecure) return (await this.#meet(server, signal)).transport;
    if (named) return await this.#verified(server, signal);
    const pin = known.find(server);
    if (pin !== undefined) return await this.#held(server, pin, signal);
    const vouched = known.isVouchedFor(server);
    return await (tofu && !vouched ? this.#firstUse(server, signal) : this.#byAuthority(server, signal, vouched));
  }

  async #meet(server: ServerAddress, signal: AbortSignal): Promise<CertifiedPeer> {
    return await bounded(server, signal, this.#options, async (stop) => {
      try {
        return await connectPeer(server, stop);
      } catch (cause) {
        throw explain(server, cause);
      }
    }, ({ transport }) => transport.close());
  }

  async #held(server: ServerAddress, pin: string, signal: AbortSignal): Promise<Transport> {
    const { transport, certificate } = await this.#meet(server, signal);
    if (certificate?.fingerprint === pin) return transport;
    transport.close();
    throw certificate ? changed(server, pin, certificate) : untold(server);
  }

  async #firstUse(server: ServerAddress, signal: AbortSignal): Promise<Transport> {
    const { transport, certificate } = await this.#meet(server, signal);
    transport.close(); // a person takes their time
    if (!certificate) throw untold(server);
    const ask = this.#options.ask();
    if (!ask || !await ask(server, certificate)) throw unknown(server, certificate, ask === undefined);
    this.#options.known.remember(server, certificate.fingerprint);
    return await this.#held(server, certificate.fingerprint, signal);
  }

  async #byAuthority(server: ServerAddress, signal: AbortSignal, vouched: boolean): Promise<Transport> {
    try {
      const transport = await this.#verified(server, signal);
      if (this.#options.publicAuthorities && !vouched) this.#options.known.rememberVouched(server);
      return transport;
    } catch (error) {
      if (!isUnsigned(error)) throw error;
      if (vouched) throw unvouched(server, error);
      if (!this.#options.ask()) throw error;
      return await this.#firstUse(server, signal);
    }
  }
}

/** Whether no authority that is trusted here has signed a server's certificate, which may be right all the same. */
function isUnsigned(error: unknown): error is DialError {
  return error instanceof DialError && error.failure === "unknown_ca";
}

function changed(server: ServerAddress, pin: string, { fingerprint }: PeerCertificate): DialError {
  const where = formatServer(server);
  return new DialError(
    "changed_certificate",
    `Cannot trust ${where}: its certificate has changed, which is how it looks when somebody is in between. ` +
      `It was SHA-256 ${pin}, it is SHA-256 ${fingerprint}. Where that is known to be right: chat forget ${where}`,
  );
}

function unvouched(server: ServerAddress, cause: DialError): DialError {
  const where = formatServer(server);
  return new DialError(
    "changed_certificate",
    `Cannot trust ${where}: an authority vouched for it before, and none does for the certificate that it shows now, ` +
      `which is how it looks when somebody is in between. Where that is known to be right: chat forget ${where}`,
    { cause },
  );
}

function unknown(server: ServerAddress, { fingerprint }: PeerCertificate, unasked: boolean): DialError {
  const where = formatServer(server);
  const advice = unasked ? `; nobody can be asked here, so run first, on a terminal: chat ${where}` : "";
  return new DialError(
    "unknown_certificate",
    `Cannot trust ${where}: nobody has agreed to its certificate, SHA-256 ${fingerprint}${advice}`,
  );
}

function untold(server: ServerAddress): DialError {
  return new DialError(
    "bad_certificate",
    `Cannot trust ${
      formatServer(server)
    }: this release of Deno, ${Deno.version.deno}, does not tell its certificate; ` +
      "name the authority that has signed it with --ca <file>",
  );
}
