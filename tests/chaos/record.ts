/**
 * What a run leaves behind to be judged: what was sent and acknowledged, what everybody saw, and what the logs hold.
 *
 * Plain data: the checker needs nothing else, and its tests make it by hand. Times are milliseconds since the run began.
 */

import type { LogPosition } from "../../lib/store/log_position.ts";

export type { LogPosition as Place };

/** What a publisher knows of a message of its own. */
export type Outcome =
  | { readonly kind: "acknowledged"; readonly seq: number; readonly at: number }
  /** Refused for good, at its first sending: it must not be in the log. */
  | { readonly kind: "refused"; readonly code: string; readonly at: number }
  /** Not answered, or given up: it may be in the log once, or not at all. */
  | { readonly kind: "unknown" };

/** A message on its way to a server. */
export interface Attempt {
  readonly at: number;
  readonly server: string;
  /** Which of its device's sessions it was: counts its logins. */
  readonly session: number;
  /** `ok` or an error's code, and when it came. */
  answer?: { readonly code: string; readonly at: number };
}

/** A message that somebody sent, or meant to. */
export interface Sent {
  readonly publisher: string;
  /** The publisher's device. */
  readonly device: string;
  readonly topic: string;
  /** Counts the device's messages, in the order of their first sending. */
  readonly n: number;
  readonly cid: string;
  readonly text: string;
  /** Each time that it was sent. */
  readonly attempts: Attempt[];
  outcome: Outcome;
}

/** What a reader was told about a topic. */
export type Item =
  | {
    readonly kind: "message";
    readonly at: number;
    readonly place: LogPosition;
    readonly from: string;
    readonly cid: string | undefined;
    readonly text: string;
  }
  | {
    readonly kind: "gap";
    readonly at: number;
    readonly from: number;
    readonly to: number | null;
    readonly place: LogPosition;
  }
  /** It came back after its connection was lost; the place is where the server says that it goes on from. */
  | { readonly kind: "resumed"; readonly at: number; readonly server: string; readonly place: LogPosition };

/** One reader's uninterrupted following of a topic, over lost connections, from the place that it was given at first. */
export interface Stretch {
  readonly reader: string;
  readonly topic: string;
  readonly opened: { readonly at: number; readonly by: string; readonly server: string; readonly place: LogPosition };
  readonly items: Item[];
  /** How it ended; while it has not, everything up to the log's head is owed. */
  closed?: { readonly at: number; readonly by: string };
}

/** A message in a log. */
export interface Logged {
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  readonly text: string;
  readonly cid: string | undefined;
}

/** A topic's log at the end, whole. */
export interface Log {
  readonly topic: string;
  readonly epoch: string;
  /** The number that the next message would follow. */
  readonly head: number;
  /** Ascending. */
  readonly entries: readonly Logged[];
}

/** From when on messages are lost since the store was put back to an older copy, and until when. */
export interface Rollback {
  readonly copied: number;
  readonly killed: number;
}

/** An inbox's read mark that a login was given, and the furthest that its owner had ever marked. */
export interface Marked {
  readonly inbox: string;
  readonly at: number;
  readonly given: LogPosition;
  readonly marked: number;
  /** How far it had been answered to be marked before the login was asked for. */
  readonly least: number;
}

/** A device that was revoked. */
export interface Revocation {
  readonly at: number;
  readonly device: string;
  /** The session that it had then, or was about to have. */
  readonly session: number;
  /** What another device said behind the answer: from here on, each of these logs has nothing of the session. */
  readonly markers: readonly { readonly topic: string; readonly cid: string }[];
}

/** A device's request to enter or leave a room of its account's, as the device knows it. */
export interface Move {
  readonly cmd: "join" | "leave";
  readonly topic: string;
  /** The devices of the account that are in many rooms: these are in the same ones. */
  readonly devices: readonly string[];
  readonly asked: number;
  /** When it was answered that it is done; undefined while that is not known. */
  answered?: number;
}

/** A read mark as the store has it at the end, and the least that was answered to be marked. */
export interface KeptMark {
  readonly user: string;
  readonly topic: string;
  /** Zero where there is none. */
  readonly seq: number;
  readonly least: number;
}

/** A user was banned or muted in a room. */
export interface Sanction {
  readonly kind: "ban" | "mute" | "kick";
  readonly user: string;
  readonly room: string;
  /** When it was answered. */
  readonly at: number;
  /** What was said in the room behind the answer, and was stored; undefined where nobody knows. */
  marker: string | undefined;
  /** What was said there before it was taken back, and when that was answered. */
  until: { readonly cid: string; readonly at: number } | undefined;
}

/** All of a run. */
export interface Story {
  readonly sent: readonly Sent[];
  readonly stretches: readonly Stretch[];
  readonly logs: readonly Log[];
  readonly marks: readonly Marked[];
  readonly keptMarks: readonly KeptMark[];
  readonly moves: readonly Move[];
  readonly rollbacks: readonly Rollback[];
  readonly revocations: readonly Revocation[];
  readonly sanctions: readonly Sanction[];
  /** What else was seen that must not be, in words, while the run went on. */
  readonly noticed: readonly Notice[];
}

/** Something that was found wrong on the spot. */
export interface Notice {
  readonly at: number;
  /** Which promise is broken. */
  readonly kind: string;
  readonly text: string;
}
