import wrapAnsi from "wrap-ansi";
import { serversRule } from "../../base/address.ts";
import { exits } from "../../base/exit.ts";
import { variables } from "../../base/environment.ts";
import { type OptionSpec, optionTable, words } from "./option_table.ts";

/** A name, or something to type, and what it is. */
type Row = readonly [name: string, help: string];

const introduction = `A server is ${serversRule}: the first that answers is \
used, the others are for when it goes. A name may also be a profile of config.json. On a terminal, chat asks who you \
are; with a pipe as its input it runs a script: one line a command or something to say, and the first line is \
LOGIN <user> <password> unless a user is given. A script stops at the first command that is refused.`;

const beside =
  "send, tail, history and get log in beside your other sessions: they evict nobody, and nobody sees them come and go.";

const examples: readonly Row[] = [
  ["chat chat.example.org", "talk; asks who you are"],
  ["chat --user alice one.example.org,two.example.org:8001", ""],
  ["chat work", 'the profile "work" of config.json'],
  ["chat forget chat.example.org:8000", "its certificate has changed, and should have"],
  ["printf 'LOGIN alice password123\\n/join ops\\n/history 20\\n' | chat 8000", ""],
  ['echo "build green" | CHAT_PASSWORD=… chat send --user builder --room ops', ""],
  ["chat send -s work --to bob the build is green", ""],
  ["tail -F app.log | grep --line-buffered ERROR | chat send -s work --room ops", ""],
  ["chat tail -s work --room ops | grep -i alarm", ""],
  ["chat tail -s work lobby ops --json | jq -r .topic", "several rooms at once"],
  ["chat history -s work --room ops -n 100 --json | jq -r .text", ""],
  ["chat send -s work --room ops --file report.pdf", ""],
  ["chat get -s work --room ops report.pdf -o reports/", ""],
  ["chat completions bash > ~/.local/share/bash-completion/completions/chat", ""],
];

/**
 * The text of `--help`, made from the tables.
 *
 * @param columns no line is longer, unless a single word is
 */
export function helpText(columns: number): string {
  const usages = Object.entries(words).map(([word, { usage, help }]): Row => [
    ["chat", ...(word === "chat" ? [] : [word]), "[options]", usage].filter((part) => part !== "").join(" "),
    help,
  ]);
  const options = Object.entries(optionTable).map(([name, spec]: [string, OptionSpec]): Row => [
    `${spec.short ? `-${spec.short}, ` : "    "}--${name}${spec.value ? ` <${spec.value}>` : ""}`,
    spec.help + (spec.words.includes("chat") ? "" : ` (${spec.words.join(", ")})`),
  ]);
  const codes = Object.values(exits).map(({ code, means }): Row => [String(code), means]);
  const rows = (rows: readonly Row[]) => table(rows, columns);
  return [
    folded("Chat in the terminal, over TLS that is verified.", columns),
    `Usage:\n${rows(usages)}`,
    folded(introduction, columns),
    folded(beside, columns),
    `Options:\n${rows(options)}`,
    `Environment:\n${rows(Object.entries(variables))}`,
    `Exit codes:\n${rows(codes)}`,
    `Examples:\n${rows(examples)}`,
  ].join("\n\n");
}

/** What stands before each row. */
const margin = "  ";

/** The narrowest column for what something is; where there is less, it stands below the name. */
const narrowest = 30;

/** Names, and beside them what they are, folded; below them where there is no room beside. */
function table(rows: readonly Row[], columns: number): string {
  const described = rows.filter(([, help]) => help !== "");
  const width = Math.max(...described.map(([name]) => name.length));
  const indent = margin.length + width + 2;
  return rows.map(([name, help]) => {
    if (help === "") return folded(name, columns, margin, margin.repeat(2));
    if (columns - indent >= narrowest) {
      return folded(help, columns, margin + name.padEnd(width + 2), " ".repeat(indent));
    }
    return `${folded(name, columns, margin, margin.repeat(2))}\n${folded(help, columns, margin.repeat(3))}`;
  }).join("\n");
}

/** A text in lines that fit, with something before the first, and something as long or longer before the others. */
function folded(text: string, columns: number, first = "", others = first): string {
  const lines = wrapAnsi(text, Math.max(1, columns - others.length)).split("\n");
  return lines.map((line, index) => (index === 0 ? first : others) + line).join("\n");
}
