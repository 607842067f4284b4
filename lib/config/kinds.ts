/**
 * How options' values are read: a text becomes a value, or it is not allowed, and what is allowed can be said in words.
 */

import { isIP } from "node:net";
import { isMulticastGroup } from "../wire/discovery.ts";
import { fold, isRoom, lobby, roomRule } from "../wire/names.ts";

/** More cores than this are not used. */
export const maxWorkers = 256;

/** How an option's value is read. */
export interface Kind<T> {
  /** What is allowed, in words. */
  readonly allowed: string;
  /** What stands for the value in help. */
  readonly placeholder: string;
  /** The value, or undefined where the text is not allowed. */
  readonly parse: (text: string) => T | undefined;
  /** Whether the flag may stand alone, which means yes. */
  readonly bare?: boolean;
  /** Whether any part of the value may be a password. */
  readonly secret?: boolean;
}

/** A whole number within bounds. */
export const whole = (min: number, max: number): Kind<number> => ({
  allowed: `a whole number from ${min} to ${max}`,
  placeholder: "<number>",
  parse: (text) => inRange(/^\d+$/.test(text) ? Number(text) : NaN, min, max),
});

/** A number within bounds, with or without a fraction. */
export const decimal = (min: number, max: number): Kind<number> => ({
  allowed: `a number from ${min} to ${max}`,
  placeholder: "<number>",
  parse: (text) => inRange(/^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN, min, max),
});

/** How many workers; `auto` leaves it to the machine. */
export const workers: Kind<number | "auto"> = {
  allowed: `a whole number from 1 to ${maxWorkers}, or auto for one a core`,
  placeholder: "<number|auto>",
  parse: (text) => text.toLowerCase() === "auto" ? "auto" : whole(1, maxWorkers).parse(text),
};

/** A whole number of seconds, `Infinity` for off. */
export const secondsOrOff: Kind<number> = {
  allowed: "a whole number from 0 to 31536000, or off",
  placeholder: "<seconds|off>",
  parse: (text) => text.toLowerCase() === "off" ? Infinity : whole(0, 31_536_000).parse(text),
};

/** A port, or none. */
export const portOrOff: Kind<number | "off"> = {
  allowed: "a whole number from 0 to 65535, or off",
  placeholder: "<port|off>",
  parse: (text) => text.toLowerCase() === "off" ? "off" : whole(0, 65_535).parse(text),
};

function inRange(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined;
}

/** One of some words, in either case. */
export const choice = <const T extends readonly string[]>(...words: T): Kind<T[number]> => ({
  allowed: words.join(", ").replace(/, ([^,]*)$/, " or $1"),
  placeholder: words.join("|"),
  parse: (text) => words.find((word) => word === text.toLowerCase()),
});

const yes = ["on", "true", "yes", "1"];
const no = ["off", "false", "no", "0"];

/** On or off. */
export const toggle: Kind<boolean> = {
  allowed: `${yes.join(", ")} or ${no.join(", ")}`,
  placeholder: "on|off",
  parse: (text) => yes.includes(text.toLowerCase()) ? true : no.includes(text.toLowerCase()) ? false : undefined,
  bare: true,
};

/** A text that a rule describes. */
export const pattern = (allowed: string, placeholder: string, rule: RegExp): Kind<string> => ({
  allowed,
  placeholder,
  parse: (text) => rule.test(text) ? text : undefined,
});

/** A file or a folder. */
export const path: Kind<string> = pattern("a path", "<path>", /^\P{Cc}+$/u);

/** Where the audit log goes. */
export const auditTarget: Kind<string> = {
  allowed: "off, stdout, stderr or a path",
  placeholder: "<target>",
  parse: (text) => ["off", "stdout", "stderr"].find((word) => word === text.toLowerCase()) ?? path.parse(text),
};

/** Where to listen or to connect to. */
export const host: Kind<string> = {
  allowed: "an IP address or a host's name",
  placeholder: "<host>",
  parse: (text) => isIP(text) !== 0 || /^(?=.{1,253}$)[\w-]+(\.[\w-]+)*\.?$/.test(text) ? text : undefined,
};

/** Where Redis is, with what it takes to log in. */
export const redisUrl: Kind<string> = {
  allowed: "redis://[user:password@]host[:port][/database] or rediss://…, with %-escapes in the password",
  placeholder: "<url>",
  secret: true,
  parse: (text) => {
    const url = URL.parse(text);
    if (!url || /\s/.test(text) || !["redis:", "rediss:"].includes(url.protocol) || url.hostname === "") {
      return undefined;
    }
    if (url.search !== "" || url.hash !== "" || !/^(\/\d*)?$/.test(url.pathname)) return undefined;
    return text;
  },
};

/** A password: any text, never shown. */
export const secret: Kind<string> = { allowed: "any text", placeholder: "<text>", secret: true, parse: (text) => text };

/** Network addresses. */
export const hostPorts: Kind<readonly { readonly host: string; readonly port: number }[]> = {
  allowed: "host:port with commas between them",
  placeholder: "<host:port,…>",
  parse: (text) => {
    const addresses = text.split(",").map((address) => {
      const [, bracketed, plain, digits] = /^\s*(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})\s*$/.exec(address) ?? [];
      const name = host.parse(bracketed ?? plain ?? "");
      const port = inRange(Number(digits), 1, 65_535);
      return name === undefined || port === undefined ? undefined : { host: name, port };
    });
    return addresses.every((address) => address !== undefined) ? addresses : undefined;
  },
};

/** An IPv4 multicast group. */
export const multicastGroup: Kind<string> = {
  allowed: "an IPv4 multicast address, 224.0.0.0 to 239.255.255.255",
  placeholder: "<address>",
  parse: (text) => isMulticastGroup(text) ? text : undefined,
};

/** Rooms, folded to lower case; the lobby is always one. */
export const roomList: Kind<readonly string[]> = {
  allowed: `rooms with commas between them, each ${roomRule}`,
  placeholder: "<rooms>",
  parse: (text) => {
    const rooms = text.split(",").map((room) => room.trim());
    return rooms.every(isRoom) ? [...new Set([lobby, ...rooms.map(fold)])] : undefined;
  },
};

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time in milliseconds, `Infinity` for off. */
export const duration: Kind<number> = {
  allowed: "a time of 1s or more such as 45s, 30m, 12h or 90d, or off",
  placeholder: "<time>",
  parse: (text) => {
    if (text.toLowerCase() === "off") return Infinity;
    const [, digits, unit] = /^(\d+)([smhd])$/i.exec(text) ?? [];
    return digits === undefined || unit === undefined
      ? undefined
      : inRange(Number(digits) * unitMs[unit.toLowerCase()]!, 1000, Number.MAX_SAFE_INTEGER);
  },
};
