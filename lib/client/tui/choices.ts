/** When colours are used: `auto` is on a terminal, unless `NO_COLOR` is set. */
export const colors = ["auto", "always", "never"] as const;

/**
 * How a person is told who looks elsewhere: not at all, by the bell, or by the desktop, with the sequence of iTerm2 and
 * others (OSC 9) or that of urxvt and others (OSC 777).
 */
export const notifications = ["off", "bell", "osc9", "osc777"] as const;

/** One of them. */
export type Notification = typeof notifications[number];

/** What a person can choose about the screen. */
export interface ScreenOptions {
  /** Lines above an input line, instead of the whole terminal. */
  readonly plain: boolean;
  /** The terminal can do nothing but lines. */
  readonly dumb: boolean;
  readonly color: typeof colors[number];
  /** Whether `NO_COLOR` is set to something. */
  readonly noColor: boolean;
  readonly notify: Notification;
  /** Whether the mouse's wheel scrolls. */
  readonly mouse: boolean;
  /** How long an Escape waits for the rest of a key, in milliseconds. */
  readonly escapeMs?: number;
  /** Something that must never be overlooked, as that the server is not verified. */
  readonly warning?: string;
  /** Where typed lines are kept between runs; undefined for nowhere. */
  readonly stateFolder?: string;
  /** The first of the servers, as people write it: drafts are kept under its name. */
  readonly server: string;
}
