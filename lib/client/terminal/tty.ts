/**
 * The process's own terminal, and how it is given back when the process is told to end.
 */

import type { PlainTty } from "./plain.ts";
import type { Screen } from "./screen.ts";
import type { Tty } from "./terminal.ts";

/** Standard input and output, as a terminal. */
export const processTty: Tty & PlainTty = {
  read: (buffer) => Deno.stdin.read(buffer),
  write: (bytes) => Deno.stdout.write(bytes),
  writeSync: (bytes) => Deno.stdout.writeSync(bytes),
  ask: (bytes) => Deno.stderr.writeSync(bytes),
  setRaw: (raw) => Deno.stdin.setRaw(raw),
  columns: () => size().columns || 80,
  rows: () => size().rows || 24,
};

function size(): { columns: number; rows: number } {
  try {
    return Deno.consoleSize();
  } catch {
    return { columns: 80, rows: 24 };
  }
}

/** A screen that has changed the terminal. */
export interface TerminalScreen extends Screen {
  /** Gives the terminal back at once. */
  restore(): void;
  /** The terminal's size has changed. */
  resized(): void;
  /** The program was stopped and goes on. */
  continued(): void;
}

/** Signals that end the process, and the exit codes that shells expect for them. */
const endings: Partial<Record<Deno.Signal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/**
 * Has a screen of the process's terminal follow its size, and give it back before a signal ends the process.
 *
 * @returns the same screen
 */
export function onTerminal<S extends TerminalScreen>(screen: S): S {
  for (const [signal, code] of Object.entries(endings)) {
    onSignal(signal as Deno.Signal, () => {
      screen.restore();
      Deno.exit(code);
    });
  }
  onSignal("SIGWINCH", () => screen.resized());
  onSignal("SIGCONT", () => screen.continued());
  globalThis.addEventListener("unload", () => screen.restore());
  return screen;
}

function onSignal(signal: Deno.Signal, handle: () => void): void {
  try {
    Deno.addSignalListener(signal, handle);
  } catch {
    // not every system has every signal
  }
}
