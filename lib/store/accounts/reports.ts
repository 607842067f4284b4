/**
 * What users have reported of each other: kept until an operator closes it.
 */

/** A message as it was. */
export interface ReportedMessage {
  readonly seq: number;
  /** Milliseconds since 1970, by the store's clock. */
  readonly time: number;
  readonly from: string;
  readonly text: string;
}

/** A user was reported, with what the user had said. */
export interface ReportDraft {
  readonly room: string;
  /** Who reported. */
  readonly by: string;
  /** Who was reported. */
  readonly user: string;
  readonly reason: string;
  /** Milliseconds since 1970, by the server's clock. */
  readonly time: number;
  /** What the user said there last, ascending, as it was. */
  readonly messages: readonly ReportedMessage[];
}

/** A report that is open. */
export interface Report extends ReportDraft {
  /** 1, 2, 3, …; never used again. */
  readonly id: number;
}

/** Reports that are open. */
export interface Reports {
  /**
   * Keeps a report.
   *
   * @param most how many may be open
   * @returns its number, or undefined where as many are open as may be
   */
  add(draft: ReportDraft, most: number): Promise<number | undefined>;
  /** Those that are open, in the order of their numbers. */
  list(): Promise<Report[]>;
  /** Forgets a report. @returns false where there is none of that number */
  close(id: number): Promise<boolean>;
}
