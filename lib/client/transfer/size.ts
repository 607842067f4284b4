/**
 * Sizes and times of files, for people.
 */

const units = ["bytes", "kB", "MB", "GB", "TB"] as const;

/** A size: `1 byte`, `812 bytes`, `1.2 MB`; a kB has 1000 bytes. */
export function formatSize(bytes: number): string {
  if (bytes === 1) return "1 byte";
  let value = bytes;
  let unit = 0;
  // What would be shown as "1000 kB" is 1.0 MB.
  while (unit < units.length - 1 && value >= (unit === 0 ? 1000 : 999.5)) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 9.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A stretch of time: `8 s`, `3 min`, `2 h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}
