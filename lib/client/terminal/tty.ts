/**
 * The process's own terminal, and how it is given back when the process is told to end.
 */

import { constants } from "node:os";
import { pause } from "../../common/time.ts";
import { errorLine, note } from "./render.ts";
import type { PlainTty } from "./plain.ts";
import type { Screen } from "./screen.ts";
import type { Tty } from "./terminal.ts";
import { TypedBytes } from "./typed_bytes.ts";

const input = new TypedBytes((buffer) => Deno.stdin.read(buffer));

/** Standard input and output, as a terminal. */
export const processTty: Tty & PlainTty = {
  read: (buffer) => input.read(buffer),
  typed: (ms) => input.typed(ms),
  write: (bytes) => Deno.stdout.write(bytes),
  writeSync: (bytes) => Deno.stdout.writeSync(bytes),
  ask: (bytes) => Deno.stderr.writeSync(bytes),
  setRaw(raw) {
    if (raw) beforeEnd(cook);
    Deno.stdin.setRaw(raw);
  },
  raise(signal) {
    if (!mayStopItself()) return handlers.get(signal)?.();
    try {
      Deno.kill(Deno.pid, signal);
    } catch {
      // not every system has every signal
    }
  },
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
  /** The program is about to be stopped: gives the terminal to the shell. */
  suspended(): void;
  /** The program was stopped, told before or not, and goes on. */
  continued(): void;
}

/** Signals that end a process which does not listen to them. */
const endings = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGABRT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTERM",
  "SIGXCPU",
] as const;

/** Where another program waits for this one, as `deno task` does, the shell waits for that: the terminal stops both. */
const suspendedNote = note("Suspended: fg brings it back; where no prompt comes, press Ctrl-Z once more") + "\n";

/** What gives the terminal back before the process ends. */
const restorers = new Set<() => void>();

/** Has the terminal given back before the process ends: by a signal, by an error that nobody catches, or by itself. */
function beforeEnd(restore: () => void): void {
  const first = restorers.size === 0;
  restorers.add(restore);
  if (!first) return;
  for (const signal of endings) {
    onSignal(signal, () => {
      giveBack();
      // What shells expect for it.
      Deno.exit(128 + constants.signals[signal]);
    });
  }
  globalThis.addEventListener("unload", giveBack);
  globalThis.addEventListener("error", (event) => crashed(event, event.error));
  globalThis.addEventListener("unhandledrejection", (event) => crashed(event, event.reason));
}

/** What a screen does about an error that nobody caught; undefined where there is none, or it has failed itself. */
let onCrash: ((error: unknown) => Promise<void>) | undefined;

function crashed(event: Event, error: unknown): void {
  const tell = onCrash;
  onCrash = undefined;
  if (!tell) return giveBack();
  event.preventDefault();
  void tell(error).finally(() => {
    giveBack();
    console.error(error);
    Deno.exit(1);
  });
}

function giveBack(): void {
  for (const restore of restorers) {
    try {
      restore();
    } catch {
      // the terminal is gone
    }
  }
}

/** Gives the terminal its own echo and line editing. */
function cook(): void {
  Deno.stdin.setRaw(false);
}

/**
 * Has a screen of the process's terminal follow its size, let the shell have it while the process is stopped, and give it
 * back before the process ends. After an error that nobody caught, it ends once the person leaves: they may be typing.
 *
 * @returns the same screen
 */
export function onTerminal<S extends TerminalScreen>(screen: S): S {
  beforeEnd(() => screen.restore());
  onCrash = async (error) => {
    screen.print(errorLine(error));
    await screen.dismissed();
    await screen.close();
  };
  onSignal("SIGWINCH", () => screen.resized());
  let away = false;
  const goOn = () => {
    away = false;
    screen.continued();
  };
  onSignal("SIGCONT", goOn);
  onSignal("SIGTSTP", async () => {
    if (away) return;
    if (!mayStopItself()) {
      return screen.print(note("Not suspended: this program was made with a Deno that does not let it"));
    }
    away = true;
    screen.suspended();
    processTty.writeSync(new TextEncoder().encode(suspendedNote));
    stop();
    // A stop comes within the first of these pauses; then SIGCONT comes before the last one.
    for (let pauses = 0; away && pauses < 5; pauses++) await pause(20);
    if (!away) return;
    goOn();
    screen.print(note("Not suspended: there is no shell to bring it back"));
  });
  return screen;
}

/**
 * Stops the process, as a process may do to itself without any permission.
 *
 * By SIGTTIN: the system passes over it where no shell could bring the process back, which it does not do for SIGSTOP; and
 * it does what it does by default, which SIGTSTP does not once it was listened to.
 */
function stop(): void {
  Deno.kill(Deno.pid, "SIGTTIN");
}

/**
 * Whether the process may send signals to itself. Earlier releases of Deno would ask the person, in the middle of the
 * screen, for the permission to run programs.
 */
function mayStopItself(): boolean {
  const [major, minor] = Deno.version.deno.split(".").map(Number);
  return major > 2 || minor >= 9 || Deno.permissions.querySync({ name: "run" }).state === "granted";
}

/** What is done about signals, for those that cannot be sent. */
const handlers = new Map<Deno.Signal, () => void>();

function onSignal(signal: Deno.Signal, handle: () => void): void {
  handlers.set(signal, handle);
  try {
    Deno.addSignalListener(signal, handle);
  } catch {
    // not every system has every signal
  }
}
