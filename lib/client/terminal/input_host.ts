import type { Clock } from "../../common/time.ts";
import type { Key, KeyDecoderOptions, KeySignal } from "./keys.ts";

/** What an input line needs of the screen that it is on. */
export interface InputHost {
  /** What is to be seen has changed. */
  changed(): void;
  /** A question was answered, and both are to stay on the screen. */
  kept(line: string): void;
  /** A key was pressed for which a terminal that is not raw sends a signal. */
  raise?(signal: KeySignal): void;
  /** Takes a paste that the line has no room for. @returns whether it did */
  tooLarge?(text: string): boolean;
  /**
   * Takes keys before the editor.
   *
   * @param paused whether the person has typed nothing for a while before it
   * @returns whether the key was the screen's own
   */
  intercept?(key: Key, paused: boolean): boolean;
  /** Says something that matters until the next key. */
  hint(sentence: string): void;
  /** Takes a submitted text. @returns its lines, none where it was the screen's own */
  submit?(text: string): readonly string[];
}

/** Settings of an input line. */
export interface InputLineOptions {
  /** The lines that were typed in earlier runs, the oldest first. */
  readonly history?: readonly string[];
  readonly keys?: KeyDecoderOptions;
  readonly clock?: Clock;
}
