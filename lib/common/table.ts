/** Rows as an aligned table, for a terminal. */

/** One row: column → value. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * Lays rows out, with the columns of the first one; numbers stand at the right.
 *
 * @returns the lines, a heading first; none where there are no rows
 */
export function table(rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const columns = Object.keys(rows[0]!);
  const cells = rows.map((row) => columns.map((column) => cell(column, row[column])));
  const headings = columns.map((column) => column.replace(/_ms$/, "").toUpperCase());
  const widths = headings.map((heading, i) => Math.max(heading.length, ...cells.map((row) => row[i]!.length)));
  const right = columns.map((column) => rows.every((row) => typeof row[column] === "number"));
  const line = (row: readonly string[]) =>
    row.map((text, i) => right[i] ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)).join("  ").trimEnd();
  return [line(headings), ...cells.map(line)];
}

function cell(column: string, value: unknown): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (column.endsWith("_ms")) {
    const seconds = (value as number) / 1000;
    return seconds < 0 ? `ran out ${(-seconds).toFixed(1)} s ago` : `${seconds.toFixed(1)} s`;
  }
  // Times are shown to the second.
  return `${value}`.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\.\d+Z$/, "$1 $2Z");
}
