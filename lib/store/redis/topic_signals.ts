import type { PresenceChange, TopicSignal } from "../topics.ts";
import type { ChannelListener } from "./gateway.ts";

/** Hears a topic's channel, and tells a listener what the messages mean; those of a later release are ignored. */
export function signalDecoder(listener: (signal: TopicSignal) => void): ChannelListener {
  return {
    hear(message) {
      const signal = decodeSignal(message);
      if (signal) listener(signal);
    },
    interrupted: () => listener({ kind: "interrupted" }),
  };
}

/**
 * What a channel carries: `m epoch seq time id prev body`, in a room with a record `v revision epoch …`, or
 * `p user state claim` and then perhaps `offline`, or `a change`, or `r revision change`, or
 * `d epoch at number seq words` for a deletion.
 */
function decodeSignal(message: string): TopicSignal | undefined {
  if (message.startsWith("p ")) {
    const [, user, state, claim, how] = message.split(" ");
    const change = { user, state: state as PresenceChange["state"], claim: Number(claim) };
    return { kind: "presence", ...change, ...(how === "offline" ? { offline: true } : {}) };
  }
  if (message.startsWith("r ")) {
    const [head, revision] = /^r (\d+) /.exec(message)!;
    return { kind: "record", revision: Number(revision), change: JSON.parse(message.slice(head.length)) };
  }
  if (message.startsWith("a ")) return { kind: "account", change: JSON.parse(message.slice(2)) };
  const deleted = /^d (\S+) (\d+) (\d+) (\d+) /.exec(message);
  if (deleted) {
    const [head, epoch, at, number, seq] = deleted;
    const words = JSON.parse(message.slice(head.length));
    return { kind: "deleted", epoch, deletion: { at: Number(at), number: Number(number), seq: Number(seq), ...words } };
  }
  const parts = /^(?:m|v (\d+)) (\S+) (\d+) (\d+) (\S+) (\S+) /.exec(message);
  if (!parts) return undefined; // of a later release
  const [head, revision, epoch, seq, time, id, prev] = parts;
  const body = JSON.parse(message.slice(head.length));
  return {
    kind: "entry",
    epoch,
    prev: prev === "-" ? "" : prev,
    ...(revision === undefined ? {} : { revision: Number(revision) }),
    entry: { seq: Number(seq), id, time: Number(time), ...body },
  };
}
