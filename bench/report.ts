/**
 * Writes the tables of docs/performance.md from the figures in bench/results; with `--check` it only compares.
 */

import { chartName } from "./charts.ts";
import { machineLine } from "./machine.ts";
import { type MetricName, metrics, shown } from "./metrics.ts";
import { readResult, type Result, resultsFolder } from "./results.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios/all.ts";

const path = "docs/performance.md";

/** A text with every scenario's figures between its markers; @throws {RangeError} where markers are missing */
export function withFigures(markdown: string, resultOf: (name: string) => Result | undefined): string {
  for (const scenario of scenarios) {
    const [opening, closing] = [`<!-- ${scenario.name} -->`, `<!-- /${scenario.name} -->`];
    const [start, end] = [markdown.indexOf(opening), markdown.indexOf(closing)];
    if (start < 0 || end < start) throw new RangeError(`The markers ${opening} and ${closing} are missing in ${path}`);
    const figures = [opening, "", section(scenario, resultOf(scenario.name)), "", closing].join("\n");
    markdown = markdown.slice(0, start) + figures + markdown.slice(end + closing.length);
  }
  return markdown;
}

/** A scenario's table, charts and machine, laid out as the formatter leaves them. */
function section(scenario: Scenario, result: Result | undefined): string {
  if (!result) return "Not measured yet.";
  const { cases, machine, takenAt } = result;
  // Faults have no column: figures with one are not kept.
  const columns = scenario.columns.filter((column) =>
    !("fault" in metrics[column]) && cases.some(({ result }) => result[column] !== undefined)
  );
  const table = aligned([
    ["", "store", ...columns.map((column) => metrics[column].label)],
    ...cases.map(({ name, store, result }) => [name, store, ...columns.map((column) => shown(column, result[column]))]),
  ]);
  const runs = Math.max(...cases.map(({ runs }) => runs.length));
  const charts = scenario.charts.filter((metric) => cases.some(({ result }) => result[metric] !== undefined));
  return [
    table,
    "",
    ...charts.flatMap((metric) => [image(scenario, metric), ""]),
    wrapped(
      "Nothing was lost, doubled or out of order, and nobody was cut off. " +
        `${takenAt.slice(0, 10)}, ${runs === 1 ? "one run" : `median of ${runs} runs`}: ${machineLine(machine)}.`,
    ),
  ].join("\n");
}

function image(scenario: Scenario, metric: MetricName): string {
  const { label } = metrics[metric];
  return `![${scenario.name}: ${label}](../bench/results/${chartName(scenario, metric)})`;
}

/** A paragraph in lines of at most 120 characters. */
function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= 120) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join("\n");
}

function aligned([head, ...rows]: string[][]): string {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column].length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join(" | ")} |`;
  const rule = widths.map((width, i) => i < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`);
  return [line(head), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

if (import.meta.main) {
  const before = Deno.readTextFileSync(path);
  const after = withFigures(before, (name) => readResult(resultsFolder, name));
  if (before !== after && Deno.args.includes("--check")) {
    console.error(`${path} is behind bench/results; \`deno task bench:report\` brings it up to date`);
    Deno.exit(1);
  }
  if (before !== after) Deno.writeTextFileSync(path, after);
}
