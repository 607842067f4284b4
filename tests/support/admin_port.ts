/**
 * What a server in a process tells over HTTP: its health and its metrics.
 */

import assert from "node:assert/strict";
import type { Program } from "./process.ts";

/** An answer of the admin port. */
export interface Told {
  readonly status: number;
  readonly text: string;
}

/** A server's admin port. */
export class AdminPort {
  private constructor(readonly port: number) {}

  /** Waits until the program has it open; it must have been started with `ADMIN_PORT`. */
  static async of(program: Program): Promise<AdminPort> {
    const ready = await program.logged("admin_ready");
    assert.ok(ready, `The server ended without an admin port: ${program.text}`);
    return new AdminPort((ready.properties as { port: number }).port);
  }

  async ask(path: string, method = "GET"): Promise<Told> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, { method });
    return { status: response.status, text: await response.text() };
  }

  /** The checks that do not hold; none where the server is ready. */
  async unready(): Promise<string[]> {
    const { status, text } = await this.ask("/readyz");
    const { ready, reasons = [] } = JSON.parse(text) as { ready: boolean; reasons?: { check: string }[] };
    assert.equal(ready, status === 200, text);
    assert.equal(text.split("\n").length, 2, "one line");
    return reasons.map(({ check }) => check);
  }

  /** A metric's sum over the labels that are not given; NaN where there is none. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const { text } = await this.ask("/metrics");
    const given = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const values = text.split("\n").flatMap((line) => {
      const [, found, had = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      return found === name && given.every((label) => had.split(",").includes(label)) ? [Number(value)] : [];
    });
    return values.length === 0 ? NaN : values.reduce((sum, value) => sum + value);
  }
}
