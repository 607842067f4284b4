import { serversRule } from "../../base/address.ts";
import { exits } from "../../base/exit.ts";
import { variables } from "../../base/environment.ts";
import { type OptionSpec, optionTable, words } from "./option_table.ts";

/** The text of `--help`, made from the tables; no line is longer than 120 columns. */
export function helpText(): string {
  const usages = Object.entries(words).map(([word, { usage, help }]): [string, string] => [
    ["chat", ...(word === "chat" ? [] : [word]), "[options]", usage].filter((part) => part !== "").join(" "),
    help,
  ]);
  const options = Object.entries(optionTable).map(([name, spec]: [string, OptionSpec]): [string, string] => [
    `${spec.short ? `-${spec.short}, ` : "    "}--${name}${spec.value ? ` <${spec.value}>` : ""}`,
    spec.help + (spec.words.includes("chat") ? "" : ` (${spec.words.join(", ")})`),
  ]);
  const codes = Object.values(exits).map(({ code, means }): [string, string] => [String(code), means]);
  return `Chat in the terminal, over TLS that is verified.

Usage:
${columns(usages)}

A server is ${serversRule}: the first that answers is
used, the others are for when it goes. A name may also be a profile of config.json. On a terminal, chat asks who you
are; with a pipe as its input it runs a script: one line a command or something to say, and the first line is
LOGIN <user> <password> unless a user is given. A script stops at the first command that is refused.

send, tail, history and get log in beside your other sessions: they evict nobody, and nobody sees them come and go.

Options:
${columns(options)}

Environment:
${columns(Object.entries(variables))}

Exit codes:
${columns(codes)}

Examples:
  chat chat.example.org                        talk; asks who you are
  chat --user alice one.example.org,two.example.org:8001
  chat --tofu chat.example.org                 trust this server from now on, after a look at its fingerprint
  chat work                                    the profile "work" of config.json
  chat forget chat.example.org:8000            its certificate has changed, and should have
  printf 'LOGIN alice password123\\n/join ops\\n/history 20\\n' | chat 8000
  echo "build green" | CHAT_PASSWORD=… chat send --user builder --room ops
  chat send -s work --to bob the build is green
  tail -F app.log | grep --line-buffered ERROR | chat send -s work --room ops
  chat tail -s work --room ops | grep -i alarm
  chat history -s work --room ops -n 100 --json | jq -r .text
  chat send -s work --room ops --file report.pdf
  chat get -s work --room ops report.pdf -o reports/
  chat completions bash > ~/.local/share/bash-completion/completions/chat`;
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, help]) => `  ${name.padEnd(width)}  ${help}`).join("\n");
}
