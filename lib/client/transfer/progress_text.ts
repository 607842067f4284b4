/**
 * How far transfers have come, in a line.
 */

import { formatSeconds, formatSize } from "./size.ts";
import type { Transfer } from "./transfers.ts";

/** One transfer: `3: report.pdf to bob, 43 % of 1.2 MB, 310 kB/s, 4 s left`. */
export function progressText({ number, kind, name, size, peer, done, rate }: Transfer): string {
  const parts = [
    `${number}: ${name} ${kind === "send" ? "to" : "from"} ${peer}`,
    `${percent(done, size)} of ${formatSize(size)}`,
  ];
  if (rate) parts.push(`${formatSize(rate)}/s`, `${formatSeconds((size - done) / rate)} left`);
  return parts.join(", ");
}

/** What stands beside a bar: one transfer, or several as one; `share` is how much of them is done, from 0 to 1. */
export function progressOf(transfers: readonly Transfer[]): { text: string; share: number } | undefined {
  if (transfers.length === 0) return undefined;
  const done = sum(transfers.map((transfer) => transfer.done));
  const size = sum(transfers.map((transfer) => transfer.size));
  const share = shareOf(done, size);
  if (transfers.length === 1) return { text: progressText(transfers[0]), share };
  const rate = sum(transfers.map((transfer) => transfer.rate ?? 0));
  const speed = rate > 0 ? `, ${formatSize(rate)}/s, ${formatSeconds((size - done) / rate)} left` : "";
  const names = transfers.slice(0, 3).map(({ number, name }) => `${number}: ${name}`).join(", ");
  const more = transfers.length > 3 ? ", …" : "";
  return {
    text: `${transfers.length} files, ${percent(done, size)} of ${formatSize(size)}${speed} (${names}${more})`,
    share,
  };
}

function percent(done: number, size: number): string {
  return `${Math.floor(100 * shareOf(done, size))} %`;
}

/** From 0 to 1; of what is empty, all is there. */
function shareOf(done: number, size: number): number {
  return size === 0 ? 1 : done / size;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
