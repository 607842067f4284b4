/** What was measured, as a table and as a chart. */

import { barChart } from "../chart.ts";
import type { Figures } from "./measure.ts";
import type { Transport } from "./client.ts";

/** The runs of one transport under one loss. */
export interface Case {
  readonly transport: Transport;
  /** The share that is lost, 0 to 1. */
  readonly loss: number;
  /** One for each seed. */
  readonly runs: readonly Figures[];
}

/** Everything that was measured. */
export interface Results {
  readonly machine: string;
  readonly date: string;
  readonly seeds: readonly number[];
  readonly cases: readonly Case[];
  /** KB of the service for a connection, by transport; null where it cannot be told. */
  readonly memoryKb: Readonly<Record<string, number | null>>;
}

/** Median, least and most of a figure over the seeds. */
export function spread(runs: readonly Figures[], of: (figures: Figures) => number): [number, number, number] {
  const sorted = runs.map(of).sort((a, b) => a - b);
  return [sorted[Math.floor(sorted.length / 2)], sorted[0], sorted[sorted.length - 1]];
}

const columns: readonly [heading: string, of: (figures: Figures) => number, digits: number][] = [
  ["First message, ms", ({ firstMessageMs }) => firstMessageMs, 0],
  ["Round trip p50, ms", ({ p50Ms }) => p50Ms, 1],
  ["p99, ms", ({ p99Ms }) => p99Ms, 1],
  ["Messages/s", ({ perSecond }) => perSecond, 0],
  ["Lost of 200", ({ lost }) => lost, 0],
  ["Doubled", ({ doubled }) => doubled, 0],
  ["Out of order", ({ reordered }) => reordered, 0],
  ["CPU, µs/message", ({ cpuUs }) => cpuUs ?? NaN, 0],
];

/** The tables, as Markdown. */
export function tables({ cases, memoryKb }: Results): string {
  const rows = cases.map(({ transport, loss, runs }) => [
    transport,
    `${loss * 100} %`,
    ...columns.map(([, of, digits]) => {
      const [median, least, most] = spread(runs, of).map((value) => value.toFixed(digits));
      return least === most ? median : `${median} (${least}–${most})`;
    }),
  ]);
  const wire = cases.filter(({ loss }) => loss === 0).map(({ transport, runs }) => {
    const [figures] = runs;
    const found = ({ password, text }: { password: boolean; text: boolean }) =>
      password || text ? [password && "password", text && "text"].filter(Boolean).join(" and ") : "neither";
    return [
      transport,
      spread(runs, ({ payloadBytes }) => payloadBytes)[0].toFixed(0),
      spread(runs, ({ headerBytes }) => headerBytes)[0].toFixed(0),
      memoryKb[transport]?.toFixed(1) ?? "not known",
      found({ password: figures.passwordRead, text: figures.textRead }),
    ];
  });
  return [
    ...markdown(["Transport", "Loss", ...columns.map(([heading]) => heading)], rows),
    "",
    ...markdown(
      ["Transport", "Payload, bytes/message", "Headers (computed)", "KB/connection", "A listener reads"],
      wire,
    ),
  ].join("\n");
}

function markdown(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = heading.map((text, at) => Math.max(text.length, ...rows.map((row) => row[at].length)));
  const line = (row: readonly string[]) => `| ${row.map((text, at) => text.padEnd(widths[at])).join(" | ")} |`;
  return [line(heading), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)];
}

/** The slowest round trips, as SVG. */
export function chart({ cases }: Results): string {
  const bars = cases.map(({ transport, loss, runs }) => {
    const [value] = spread(runs, ({ p99Ms }) => p99Ms);
    return { label: transport, value, shown: `${value.toFixed(0)} ms`, group: `${loss * 100} % lost` };
  });
  const subtitle = "A message's round trip, 99th percentile of what arrived, in milliseconds; median of five seeds";
  return barChart("Three transports, and one repaired", subtitle, bars);
}
