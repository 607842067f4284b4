/** A scenario's charts: one for each of the figures that say most. */

import { join } from "node:path";
import { barChart } from "./chart.ts";
import { type MetricName, metrics, shown } from "./metrics.ts";
import type { Result } from "./results.ts";
import type { Scenario } from "./scenario.ts";

/** What a chart's file is called. */
export function chartName(scenario: Scenario, metric: MetricName): string {
  return `${scenario.name}-${metric.replace(/[A-Z0-9]+/g, (part) => `-${part.toLowerCase()}`).replace(/^p-/, "p")}.svg`;
}

/** The charts that can be drawn of what was measured, name → SVG. */
export function chartsOf(scenario: Scenario, { cases }: Result): Map<string, string> {
  const charts = new Map<string, string>();
  for (const metric of scenario.charts) {
    const bars = cases.flatMap(({ name, store, result }) => {
      const value = result[metric];
      return value === undefined ? [] : [{ label: name, value, shown: shown(metric, value), group: store }];
    });
    if (bars.length === 0) continue;
    charts.set(chartName(scenario, metric), barChart(scenario.title, metrics[metric].label, bars));
  }
  return charts;
}

export async function writeCharts(folder: string, scenario: Scenario, result: Result): Promise<void> {
  for (const [name, svg] of chartsOf(scenario, result)) await Deno.writeTextFile(join(folder, name), svg);
}
