/** What a run has to show, and how people read it. */

import { machineLine } from "../machine.ts";
import type { AttackReport } from "./attack.ts";
import type { Period, SiegeResult } from "./siege.ts";

/** What must hold under attack. */
export const allowed = { p99Ms: 250, loginMs: 3000, rssMb: 400 } as const;

/**
 * What does not hold of that.
 *
 * @returns one sentence for each; none where all is well
 */
export function violations({ under: { honest, logins, server }, attacks }: SiegeResult): string[] {
  const refused = total(logins.refused);
  const found: [bad: boolean, sentence: string][] = [
    [honest.p99 >= allowed.p99Ms, `deliveries' p99 is ${ms(honest.p99)}, allowed: below ${ms(allowed.p99Ms)}`],
    [honest.lost > 0, `${honest.lost} deliveries are lost`],
    [honest.doubled > 0, `${honest.doubled} deliveries came twice`],
    [honest.disordered > 0, `${honest.disordered} deliveries were out of order`],
    [honest.gaps > 0, `honest users were told of ${honest.gaps} gaps`],
    [honest.disconnected > 0, `${honest.disconnected} honest users were disconnected`],
    [total(honest.refused) > 0, `honest messages were refused: ${listed(honest.refused)}`],
    [refused > 0, `honest logins were refused: ${listed(logins.refused)}`],
    [logins.max > allowed.loginMs, `an honest login took ${ms(logins.max)}, allowed: ${ms(allowed.loginMs)}`],
    [server.rss >= allowed.rssMb, `RSS was ${Math.round(server.rss)} MB, allowed: below ${allowed.rssMb} MB`],
  ];
  const own = attacks.flatMap(({ name, findings }) =>
    findings.filter(({ holds }) => !holds).map(({ what, seen }) => `${name}: ${what}? ${seen}`)
  );
  return [...found.filter(([bad]) => bad).map(([, sentence]) => sentence), ...own];
}

/** All of it as text. */
export function report(result: SiegeResult): string {
  const { without, under, attacks, store, addresses, machine, settings } = result;
  const rows = figures.map(([label, figure]) => [label, figure(without), figure(under)]);
  const bad = violations(result);
  return [
    `${machineLine(machine)}`,
    `${store}, attackers from ${addresses === "own" ? "addresses of their own" : "the honest users' address"}, ` +
    `${result.attackSeconds} s of attack${result.apart ? "" : "; server and generators were not kept apart"}`,
    ...Object.entries(settings).map(([name, value]) => `${name}=${value}`),
    "",
    ...columns([["", "without", "under attack"], ...rows]),
    "",
    ...attacks.flatMap(described),
    "",
    ...(bad.length === 0 ? ["All holds."] : ["Does not hold:", ...bad.map((sentence) => `  ${sentence}`)]),
    "",
  ].join("\n");
}

const figures: readonly (readonly [label: string, figure: (period: Period) => string])[] = [
  ["messages said", ({ honest }) => `${honest.messages}`],
  ["deliveries", ({ honest }) => `${honest.deliveries}`],
  ["deliveries p50", ({ honest }) => ms(honest.p50)],
  ["deliveries p99", ({ honest }) => ms(honest.p99)],
  ["deliveries max", ({ honest }) => ms(honest.max)],
  ["lost / doubled / reordered", ({ honest }) => `${honest.lost} / ${honest.doubled} / ${honest.disordered}`],
  ["gaps / disconnected", ({ honest }) => `${honest.gaps} / ${honest.disconnected}`],
  ["messages refused", ({ honest }) => listed(honest.refused)],
  ["generator late by at most", ({ honest }) => ms(honest.lag)],
  ["logins tried", ({ logins }) => `${logins.logins}`],
  ["logins median", ({ logins }) => ms(logins.median)],
  ["logins max", ({ logins }) => ms(logins.max)],
  ["logins refused", ({ logins }) => listed(logins.refused)],
  ["server's RSS max", ({ server }) => `${Math.round(server.rss)} MB`],
  ["server's cores", ({ server }) => server.cpu.toFixed(2)],
  ["event loop late, p99 / max", ({ server }) => `${atMost(server.loopP99)} / ${atMost(server.loopMax)}`],
  ["server's log", ({ server }) => `${server.logKb} KB`],
  ["refused by limits", ({ server }) => listed(server.limits)],
];

function described({ point, name, accepted, refused, findings }: AttackReport): string[] {
  return [
    `${point} ${name}`,
    `    accepted: ${listed(accepted)}`,
    `    refused: ${listed(refused)}`,
    ...findings.map(({ what, holds, seen }) => `    ${holds ? "holds" : "DOES NOT HOLD"}: ${what} (${seen})`),
  ];
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.min(30, Math.max(...rows.map((row) => row[column].length))));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
}

/** Name and count of each, most frequent first. */
function listed(counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return all.length === 0 ? "none" : all.map(([name, count]) => `${name} × ${count}`).join(", ");
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}

function ms(figure: number): string {
  return `${figure < 100 ? figure.toFixed(1) : Math.round(figure)} ms`;
}

function atMost(figure: number | null): string {
  return figure === null ? "–" : figure === Infinity ? "over" : `≤ ${figure} ms`;
}
