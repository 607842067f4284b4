/** Bars as SVG, without a library; with a background of their own, so that they can be read on light and on dark pages. */

/** One bar. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value as it is written beside the bar. */
  readonly shown: string;
  /** Bars of one group have one colour. */
  readonly group: string;
}

const width = 760;
const rowHeight = 24;
const titleHeight = 58;
const labelWidth = 240;
const valueWidth = 90;

/** Which groups have which colour, in the order in which they come. */
const light = ["#0b6e99", "#c4570d", "#5b7f1c"];
const dark = ["#58b6e0", "#f09b5a", "#a5cf5f"];

/**
 * Draws a bar for each value, all from zero.
 *
 * @param subtitle what the values are, with the unit
 */
export function barChart(title: string, subtitle: string, bars: readonly Bar[]): string {
  const groups = [...new Set(bars.map(({ group }) => group))];
  const height = titleHeight + bars.length * rowHeight + 34;
  const scale = (width - labelWidth - valueWidth) / Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const colours = (palette: readonly string[]) =>
    groups.map((_, index) => `.g${index}{fill:${palette[index]}}`).join("");
  const rows = bars.map(({ label, value, shown, group }, index) => {
    const y = titleHeight + index * rowHeight;
    const length = Math.max(1, Math.round(value * scale));
    return `<text x="${labelWidth - 8}" y="${y + 15}" text-anchor="end">${escaped(label)}</text>` +
      `<rect class="g${groups.indexOf(group)}" x="${labelWidth}" y="${y + 3}" width="${length}" height="16" rx="2"/>` +
      `<text class="v" x="${labelWidth + length + 6}" y="${y + 15}">${escaped(shown)}</text>`;
  });
  const legend = groups.map((group, index) => {
    const [x, y] = [labelWidth + index * 110, height - 22];
    return `<rect class="g${index}" x="${x}" y="${y}" width="12" height="12" rx="2"/>` +
      `<text x="${x + 18}" y="${y + 10}">${escaped(group)}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="${escaped(`${title}: ${subtitle}`)}">`,
    `<style>text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-size:15px;font-weight:600}.v{font-weight:600}` +
    `.b{fill:#fff;stroke:#d1d9e0}${colours(light)}` +
    `@media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#0d1117;stroke:#3d444d}${colours(dark)}}</style>`,
    `<rect class="b" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>`,
    `<text class="t" x="16" y="26">${escaped(title)}</text>`,
    `<text x="16" y="45">${escaped(subtitle)}</text>`,
    ...rows,
    ...legend,
    "</svg>\n",
  ].join("\n");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
