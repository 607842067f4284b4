/** ONE table of what is measured: its words, its unit, and how several runs become one figure. */

/** One row of the table. */
export interface Metric {
  /** A table's heading, a chart's title. */
  readonly label: string;
  readonly digits: number;
  /** Of several runs: the median unless the worst counts. */
  readonly worst?: true;
  /** Anything but 0 fails the benchmark. */
  readonly fault?: true;
}

/** Every figure that a run may give. */
export const metrics = {
  messages: { label: "messages/s", digits: 0 },
  deliveries: { label: "deliveries/s", digits: 0 },
  serverCpu: { label: "server CPU s per million", digits: 1 },
  redisCpu: { label: "Redis CPU s per million", digits: 1 },
  messageCpu: { label: "server CPU s per million messages", digits: 0 },
  toBare: { label: "CPU to Deno.listenTls alone", digits: 2 },
  toIrc: { label: "CPU to InspIRCd", digits: 2 },
  p50: { label: "p50 ms", digits: 1 },
  p99: { label: "p99 ms", digits: 1 },
  overBare: { label: "p99 ms over Deno.listenTls alone", digits: 1 },
  max: { label: "max ms", digits: 0 },
  answerP50: { label: "answer p50 ms", digits: 1 },
  answerP99: { label: "answer p99 ms", digits: 1 },
  quietP99: { label: "p99 ms before", digits: 1 },
  logins: { label: "logins/s", digits: 1 },
  kbPerSession: { label: "KB per session", digits: 1 },
  subscriptions: { label: "Redis subscriptions", digits: 0 },
  loginMs: { label: "ms a login", digits: 0 },
  loginCommands: { label: "Redis commands a login", digits: 0 },
  loginTrips: { label: "round trips a login", digits: 0 },
  secondsDown: { label: "s until the server is ready", digits: 2 },
  secondsBack: { label: "s until all are back", digits: 2 },
  resumes: { label: "resumes/s", digits: 0 },
  replayed: { label: "messages replayed", digits: 0 },
  serverLoad: { label: "server's cores", digits: 2 },
  generatorLoad: { label: "generator's cores", digits: 2 },
  lost: { label: "lost", digits: 0, worst: true, fault: true },
  doubled: { label: "doubled", digits: 0, worst: true, fault: true },
  disordered: { label: "out of order", digits: 0, worst: true, fault: true },
  disconnected: { label: "disconnected", digits: 0, worst: true, fault: true },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof metrics;

/** One run's figures; what cannot be told here is left out. */
export type Values = Partial<Record<MetricName, number>>;

/** One figure out of several runs', each by its own rule. */
export function combined(runs: readonly Values[]): Values {
  const values: Values = {};
  for (const name of Object.keys(metrics) as MetricName[]) {
    const all = runs.flatMap((run) => run[name] ?? []).sort((a, b) => a - b);
    if (all.length === 0) continue;
    const metric: Metric = metrics[name];
    values[name] = metric.worst ? all.at(-1)! : (all[(all.length - 1) >> 1] + all[all.length >> 1]) / 2;
  }
  return values;
}

/** Whether something was lost, doubled, out of order or cut off. */
export function isFaulty(values: Values): boolean {
  return Object.entries(values).some(([name, value]) => (metrics[name as MetricName] as Metric).fault && value > 0);
}

/** A figure as tables and charts show it. */
export function shown(name: MetricName, value: number | undefined): string {
  if (value === undefined) return "–";
  const { digits } = metrics[name];
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
