/**
 * Spans of time as people write them: `30s`, `10m`, `2h`, `7d`.
 */

const units = { d: 86_400, h: 3_600, m: 60, s: 1 } as const;

/** The longest, in seconds: a year. */
export const maxDuration = 365 * units.d;

/** The rule for spans of time, in words. */
export const durationRule = "a number with s, m, h or d, such as 10m, at most 365d";

/**
 * Reads a span of time; a number alone is seconds, and `off` is none.
 *
 * @returns seconds; undefined where it is none, or too long
 */
export function parseDuration(text: string): number | undefined {
  if (/^off$/i.test(text)) return 0;
  const [, digits, unit = "s"] = /^(\d{1,9})([smhd])?$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const seconds = Number(digits) * units[unit.toLowerCase() as keyof typeof units];
  return seconds <= maxDuration ? seconds : undefined;
}

/** A span of time, in its largest unit that leaves no rest: `10m` for 600 seconds. */
export function durationText(seconds: number): string {
  const [unit, size] = Object.entries(units).find(([, size]) => seconds % size === 0) ?? ["s", 1];
  return `${seconds / size}${unit}`;
}
