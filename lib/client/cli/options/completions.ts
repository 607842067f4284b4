/**
 * Completions for the shells, from the tables of `option_table.ts`.
 *
 * Profiles are asked for when they are completed (`chat completions profiles`), so that a new one is known at once.
 */

import { type OptionSpec, optionTable, type Shell, shells, takesPath, words } from "./option_table.ts";

const options: readonly (readonly [string, OptionSpec])[] = Object.entries(optionTable);

/** The script that a shell is to read. */
export function completions(shell: Shell): string {
  return { bash, zsh, fish }[shell]();
}

/** `--server` and `-s` as alternatives of a shell's `case`. */
function flags(which: (spec: OptionSpec) => boolean): string {
  return options.filter(([, spec]) => which(spec))
    .flatMap(([name, { short }]) => [`--${name}`, ...(short ? [`-${short}`] : [])]).join("|");
}

const takesServer = ({ value }: OptionSpec) => value === "server";
const takesOther = (spec: OptionSpec) => spec.type === "string" && !takesPath(spec) && !takesServer(spec);

function of(word: string): string[] {
  return options.filter(([, spec]) => (spec.words as readonly string[]).includes(word)).map(([name]) => `--${name}`);
}

function bash(): string {
  const cases = Object.keys(words).map((word) => `    ${word}) options="${of(word).join(" ")}" ;;`).join("\n");
  return `# bash completion for chat
_chat() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" word=chat options i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      ${Object.keys(words).join("|")}) word="\${COMP_WORDS[i]}"; break ;;
    esac
  done
  case "$previous" in
    ${flags(takesPath)}) COMPREPLY=($(compgen -f -- "$current")); return ;;
    ${flags(takesServer)}) COMPREPLY=($(compgen -W "$(chat completions profiles 2>/dev/null)" -- "$current")); return ;;
    ${flags(takesOther)}) return ;;
  esac
  case "$word" in
${cases}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [[ $word == completions ]]; then
    COMPREPLY=($(compgen -W "${shells.join(" ")}" -- "$current"))
  elif [[ $word == chat ]]; then
    COMPREPLY=($(compgen -W "${without("chat").join(" ")} $(chat completions profiles 2>/dev/null)" -- "$current"))
  elif [[ $word == forget ]]; then
    COMPREPLY=($(compgen -W "$(chat completions profiles 2>/dev/null)" -- "$current"))
  fi
}
complete -F _chat chat`;
}

function zsh(): string {
  const cases = Object.keys(words).map((word) => {
    const specs = options.filter(([, spec]) => (spec.words as readonly string[]).includes(word)).flatMap(zshOption);
    return `    ${word})\n      options=(\n${specs.map((spec) => `        ${spec}`).join("\n")}\n      ) ;;`;
  }).join("\n");
  return `#compdef chat
_chat_profiles() {
  local -a found
  found=(\${(f)"$(chat completions profiles 2>/dev/null)"})
  compadd -a found
}
_chat_first() {
  local -a found
  found=(${without("chat").map((word) => quoted(`${word}:${words[word].help}`)).join(" ")})
  _describe command found
  _chat_profiles
}
_chat() {
  local word=chat argument='*: :' i
  local -a options
  for ((i = 2; i < CURRENT; i++)); do
    case "\${words[i]}" in
      ${Object.keys(words).join("|")}) word="\${words[i]}"; break ;;
    esac
  done
  case "$word" in
${cases}
  esac
  case "$word" in
    chat) argument='*: :_chat_first' ;;
    forget) argument='*: :_chat_profiles' ;;
    completions) argument='*: :(${shells.join(" ")})' ;;
  esac
  if [[ $word != chat ]]; then
    words=("\${(@)words[1,i-1]}" "\${(@)words[i+1,-1]}")
    ((CURRENT--))
  fi
  _arguments -s : $options "$argument"
}
if [[ $funcstack[1] == _chat ]]; then _chat "$@"; else compdef _chat chat; fi`;
}

function zshOption([name, spec]: readonly [string, OptionSpec]): string[] {
  const { short, value, help } = spec;
  const action = takesPath(spec) ? "_files" : value === "server" ? "_chat_profiles" : " ";
  const text = `[${help.replaceAll(/[[\]:]/g, "\\$&")}]${value === undefined ? "" : `:${value}:${action}`}`;
  return [
    quoted(`--${name}${value === undefined ? "" : "="}${text}`),
    ...(short ? [quoted(`-${short}${text}`)] : []),
  ];
}

function fish(): string {
  const lines = [
    "# fish completion for chat",
    "complete -c chat -f",
    ...without("chat").map((word) =>
      `complete -c chat -n __fish_use_subcommand -a ${word} -d ${quoted(words[word].help)}`
    ),
    `complete -c chat -n __fish_use_subcommand -a '(chat completions profiles 2>/dev/null)' -d profile`,
    `complete -c chat -n '__fish_seen_subcommand_from forget' -a '(chat completions profiles 2>/dev/null)' -d profile`,
    `complete -c chat -n '__fish_seen_subcommand_from completions' -a '${shells.join(" ")}'`,
  ];
  for (const [name, spec] of options) {
    const { short, value, help, words: used } = spec;
    const takes = value === undefined
      ? ""
      : takesPath(spec)
      ? " -r -F"
      : value === "server"
      ? " -x -a '(chat completions profiles 2>/dev/null)'"
      : " -x";
    const others = used.filter((word) => word !== "chat");
    const seen = `__fish_seen_subcommand_from ${others.join(" ")}`;
    const conditions = [
      ...(used.includes("chat") ? [`not __fish_seen_subcommand_from ${without("chat").join(" ")}`] : []),
      ...(others.length > 0 ? [seen] : []),
    ];
    const when = ` -n ${quoted(conditions.join("; or "))}`;
    lines.push(
      `complete -c chat${when} -l ${name}${short ? ` -s ${short}` : ""}${takes} -d ${quoted(help)}`,
    );
  }
  return lines.join("\n");
}

function without(word: string): Exclude<keyof typeof words, "chat">[] {
  return Object.keys(words).filter((other) => other !== word) as Exclude<keyof typeof words, "chat">[];
}

/** In single quotes, for all three shells. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
