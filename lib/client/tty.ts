/**
 * The process's own terminal, and how it is given back when the process is told to end.
 */

import type { PlainTty } from "./plain.ts";
import { Terminal, type Tty } from "./terminal.ts";

/** Standard input and output, as a terminal. */
export const processTty: Tty & PlainTty = {
  read: (buffer) => Deno.stdin.read(buffer),
  write: (bytes) => Deno.stdout.write(bytes),
  writeSync: (bytes) => Deno.stdout.writeSync(bytes),
  ask: (bytes) => Deno.stderr.writeSync(bytes),
  setRaw: (raw) => Deno.stdin.setRaw(raw),
  columns() {
    try {
      return Deno.consoleSize().columns || 80;
    } catch {
      return 80;
    }
  },
};

/** Signals that end the process, and the exit codes that shells expect for them. */
const endings: Partial<Record<Deno.Signal, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/**
 * Makes a screen of the process's terminal; a signal that ends the process gives the terminal back first.
 */
export function openTerminal(): Terminal {
  const terminal = new Terminal(processTty);
  for (const [signal, code] of Object.entries(endings)) {
    onSignal(signal as Deno.Signal, () => {
      terminal.restore();
      Deno.exit(code);
    });
  }
  onSignal("SIGWINCH", () => terminal.resized());
  onSignal("SIGCONT", () => terminal.continued());
  globalThis.addEventListener("unload", () => terminal.restore());
  return terminal;
}

function onSignal(signal: Deno.Signal, handle: () => void): void {
  try {
    Deno.addSignalListener(signal, handle);
  } catch {
    // not every system has every signal
  }
}

/** Writes lines to standard output or error; resolves when they are written. */
export async function writeLines(
  to: { write(bytes: Uint8Array): Promise<number> },
  lines: readonly string[],
): Promise<void> {
  const bytes = new TextEncoder().encode(lines.map((line) => line + "\n").join(""));
  for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
}
