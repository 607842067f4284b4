import type { Update } from "../session/update.ts";

/** What a screen is asked to read. */
export interface ReadOptions {
  /** What stands before the input. */
  readonly prompt: string;
  /** Whether what is typed stays invisible and is not remembered. */
  readonly secret?: boolean;
  /** Whether prompt and answer stay on the screen, as question and answer. */
  readonly keep?: boolean;
  /**
   * Whether the person waits for this question, as it follows from what they typed last. Any other question comes up by
   * itself, and waits until they pause: what they type meanwhile is not its answer.
   */
  readonly expected?: boolean;
  /** Whether Ctrl-C gives up the question alone, and does not leave. */
  readonly cancellable?: boolean;
  /** Aborted when the line is no longer wanted. */
  readonly signal?: AbortSignal;
}

/** Where a person reads and types: the interface that every kind of screen keeps. */
export interface Screen {
  /** Shows a line, which must be clean, above what is being typed. */
  print(line: string): void;
  /** Shows what the session tells, where the screen can do more with it than print its lines. */
  show?(update: Update): void;
  /** Shows a line that is still to be read when the screen is closed. */
  farewell(line: string): void;
  /** Changes what stands before the input of the read that is going on, or of the next. */
  setPrompt(prompt: string): void;
  /**
   * Reads a line.
   *
   * @returns the line, or undefined when the person wants to leave, or has given the question up
   * @throws the signal's reason, when it is aborted
   */
  read(options: ReadOptions): Promise<string | undefined>;
  /** Forgets a line that was typed, for it holds a secret. */
  forget(line: string): void;
  /**
   * Waits until the person leaves, where they did not ask to: with Enter or Ctrl-C on an empty line, after a pause. What
   * they type until then is not sent, and is shown when the screen is closed.
   */
  dismissed(): Promise<void>;
  /** Shows what is still to be shown and gives the terminal back as it was; can be called twice. */
  close(): Promise<void>;
}
