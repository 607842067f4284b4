/**
 * What is counted and measured, in cells that cost next to nothing: a number that is added to, or an array of them.
 *
 * 1. A counter asks for its cell once, by the name and labels of `metrics_table.ts`, and keeps it: `cell.value++`.
 * 2. What can be read off when somebody asks (how many connections, how much waits) is read then, and not kept.
 * 3. A snapshot is plain data, which crosses threads; `exposition()` makes one text of several.
 */

import { type Measure, measures } from "./metrics_table.ts";

export { type Measure, measures } from "./metrics_table.ts";

type Table = typeof measures;

/** A metric's name. */
export type Name = keyof Table;

type NamesOf<T extends Measure["type"]> = { [N in Name]: Table[N]["type"] extends T ? N : never }[Name];

/** A metric's labels, all of them. */
export type LabelsOf<N extends Name> = { readonly [L in keyof Table[N]["labels"]]: string };

/** The last argument of what asks for a cell: none where the metric has no labels. */
type LabelArguments<N extends Name> = keyof Table[N]["labels"] extends never ? [] : [labels: LabelsOf<N>];

/** A number that is counted up, or set. */
export interface Count {
  value: number;
}

/** How often values fell between bounds, and their sum. */
export class Distribution {
  readonly bounds: readonly number[];
  /** By bucket, not cumulative; the last one is for what is above all bounds. */
  readonly counts: number[];
  sum = 0;

  /** @param bounds ascending */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array(bounds.length + 1).fill(0);
  }

  /** Takes a value; one below zero, as two clocks may give it, counts as zero. */
  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket++;
    this.counts[bucket]++;
    if (value > 0) this.sum += value;
  }
}

/** One value of a snapshot; a histogram's are its buckets, its sum and its count. */
export interface Value {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

/** One metric's values at a moment, in the shape in which prom-client takes them. */
export interface Snapshot {
  readonly name: string;
  readonly help: string;
  readonly type: Measure["type"];
  readonly aggregator: Measure["aggregator"];
  readonly values: readonly Value[];
}

interface Cell {
  readonly labels: Readonly<Record<string, string>>;
  readonly holds: Count | Distribution;
}

/** The cells of one server, or of the process. */
export class Metrics {
  readonly #cells = new Map<Name, Map<string, Cell>>();
  readonly #worker: string;
  readonly #readers: (() => void)[] = [];

  /**
   * @param of whose metrics these are
   * @param worker what the label `worker` says
   */
  constructor(of: Measure["of"] = "server", worker = 1) {
    this.#worker = `${worker}`;
    for (const [name, measure] of Object.entries(measures) as [Name, Measure][]) {
      if (measure.of !== of) continue;
      this.#cells.set(name, new Map());
      for (const labels of combinations(measure.labels, this.#worker)) this.#cell(name, labels);
    }
  }

  /** A counter's cell; only to be added to. */
  counter<N extends NamesOf<"counter">>(name: N, ...[labels]: LabelArguments<N>): Count {
    return this.#cell(name, labels ?? {}) as Count;
  }

  /** A gauge's cell. */
  gauge<N extends NamesOf<"gauge">>(name: N, ...[labels]: LabelArguments<N>): Count {
    return this.#cell(name, labels ?? {}) as Count;
  }

  /** A histogram's cell. */
  histogram<N extends NamesOf<"histogram">>(name: N, ...[labels]: LabelArguments<N>): Distribution {
    return this.#cell(name, labels ?? {}) as Distribution;
  }

  /** The label that tells workers apart, as cells take it. */
  get worker(): string {
    return this.#worker;
  }

  /** Has a function called before each snapshot, to set what is only known when somebody asks. */
  onRead(read: () => void): void {
    this.#readers.push(read);
  }

  /** All of it, now; a gauge that was never set and has no known labels is left out. */
  snapshot(): Snapshot[] {
    for (const read of this.#readers) read();
    return [...this.#cells].map(([name, cells]) => {
      const { help, type, aggregator } = measures[name];
      return { name, help, type, aggregator, values: [...cells.values()].flatMap((cell) => valuesOf(name, cell)) };
    });
  }

  #cell(name: Name, labels: Readonly<Record<string, string>>): Count | Distribution {
    const cells = this.#cells.get(name);
    if (!cells) throw new Error(`${name} is measured elsewhere`);
    const key = Object.keys(measures[name].labels).map((label) => labels[label]).join("\n");
    let cell = cells.get(key);
    if (!cell) {
      const { buckets } = measures[name] as Measure;
      cells.set(key, cell = { labels, holds: buckets ? new Distribution(buckets) : { value: 0 } });
    }
    return cell.holds;
  }
}

/** Every combination of labels whose values are known from the start; the worker is. */
function combinations(labels: Measure["labels"], worker: string): Record<string, string>[] {
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (sets, [label, values]) =>
      (label === "worker" ? [worker] : values).flatMap((value) => sets.map((set) => ({ ...set, [label]: value }))),
    [{}],
  );
}

function valuesOf(name: Name, { labels, holds }: Cell): Value[] {
  if (!(holds instanceof Distribution)) return Number.isNaN(holds.value) ? [] : [{ value: holds.value, labels }];
  const values: Value[] = [];
  let count = 0;
  for (const [index, bound] of [...holds.bounds, "+Inf"].entries()) {
    count += holds.counts[index];
    values.push({ metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: count });
  }
  values.push({ metricName: `${name}_sum`, labels, value: holds.sum });
  values.push({ metricName: `${name}_count`, labels, value: count });
  return values;
}

/** The content type of {@linkcode exposition}. */
export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

/** What two have counted together; what does not only grow is left out. */
export function summed(one: readonly Snapshot[], other: readonly Snapshot[]): Snapshot[] {
  const sums = new Map<string, { readonly of: Snapshot; readonly values: Map<string, Value> }>();
  for (const snapshot of [...one, ...other]) {
    if (snapshot.type === "gauge") continue;
    const { name } = snapshot;
    if (!sums.has(name)) sums.set(name, { of: snapshot, values: new Map() });
    const { values } = sums.get(name)!;
    for (const value of snapshot.values) {
      const key = JSON.stringify([value.metricName, value.labels]);
      values.set(key, { ...value, value: value.value + (values.get(key)?.value ?? 0) });
    }
  }
  return [...sums.values()].map(({ of, values }) => ({ ...of, values: [...values.values()] }));
}

/** The text that Prometheus reads, of several servers' snapshots made one. */
export async function exposition(snapshots: readonly (readonly Snapshot[])[]): Promise<string> {
  // Loaded when the first one asks: it takes a tenth of a second, and a server that nobody watches needs none of it.
  const { AggregatorRegistry } = await import("prom-client");
  return await AggregatorRegistry.aggregate(snapshots as unknown as object[]).metrics();
}
