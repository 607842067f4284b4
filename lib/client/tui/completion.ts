import type { CommandTable } from "../net/commands.ts";
import type { Editor } from "../terminal/editor.ts";
import { namesOf } from "../session/help.ts";
import type { Completed, LocalCommands } from "../session/local_commands.ts";
import { pathCandidates } from "../transfer/paths.ts";
import type { Roster } from "./roster.ts";

/** What can stand before a name in a text: brackets and quotation marks, no part of any name. */
const opening = /^[\p{Ps}\p{Pi}"'`*„‚<>«»¿¡]*/u;

/**
 * What Tab makes of a line: commands, users, rooms and devices are completed, as the server's own command table has them, and
 * what the client's own commands take.
 *
 * The first Tab writes what all candidates have in common; further ones go through them, and back with Shift-Tab.
 */
export class Completion {
  readonly #editor: Editor;
  readonly #commands: () => CommandTable;
  readonly #roster: Roster;
  readonly #own: LocalCommands;
  #going: { start: number; end: number; candidates: string[]; at: number; text: string } | undefined;

  constructor(editor: Editor, commands: () => CommandTable, roster: Roster, own: LocalCommands) {
    this.#editor = editor;
    this.#commands = commands;
    this.#roster = roster;
    this.#own = own;
  }

  /**
   * Completes what stands before the cursor.
   *
   * @param step 1 for Tab, -1 for Shift-Tab
   * @returns the candidates where there are several
   */
  complete(step: 1 | -1): readonly string[] {
    const going = this.#going;
    // The same text as after the last Tab: that one goes on.
    if (going && this.#editor.text === going.text && this.#editor.cursor === going.end) {
      going.at = (going.at + step + going.candidates.length) % going.candidates.length;
      this.#put(going, going.candidates[going.at]);
      return shown(going.candidates, going.start);
    }
    const { start, candidates } = this.#candidates();
    const cursor = this.#editor.cursor;
    this.#going = undefined;
    if (candidates.length === 0) return [];
    if (candidates.length === 1) {
      this.#editor.splice(start, cursor, candidates[0]);
      return [];
    }
    const common = commonStart(candidates);
    const next = { start, end: cursor, candidates, at: -1, text: this.#editor.text };
    const typed = this.#editor.text.slice(start, cursor);
    this.#put(next, common.length > typed.length ? common : typed);
    if (step < 0) next.at = 0;
    this.#going = next;
    return shown(candidates, start);
  }

  #put(going: { start: number; end: number; text: string }, word: string): void {
    this.#editor.splice(going.start, going.end, word);
    going.end = going.start + word.length;
    going.text = this.#editor.text;
  }

  #candidates(): { start: number; candidates: string[] } {
    const before = this.#editor.text.slice(0, this.#editor.cursor);
    const start = before.search(/\S*$/);
    const word = before.slice(start);
    if (start === 0 && /^\/[^/]*$/.test(word)) {
      const names = this.#commands().typed.flatMap(({ name, aliases }) => {
        // An alias is offered only where the name itself does not begin so: fewer words to choose among.
        return startsWith(name, word.slice(1)) ? [name] : aliases.filter((alias) => startsWith(alias, word.slice(1)));
      });
      const own = this.#own.all.map(({ name }) => name).filter((name) => startsWith(name, word.slice(1)));
      return { start, candidates: [...new Set([...names, ...own])].sort().map((name) => `/${name} `) };
    }
    const own = this.#ownCandidates(before);
    if (own) return own;
    const kind = /^\/[^/]/.test(before) ? this.#kindAt(before) : "said";
    if (kind === "room") return { start, candidates: ending(this.#roster.rooms(), word, "", " ") };
    if (kind === "device") return { start, candidates: ending(this.#roster.devices(), word, "", " ") };
    if (kind === "command") {
      return { start, candidates: ending(namesOf(this.#own, this.#commands()).sort(), word, "", " ") };
    }
    return kind === undefined ? { start, candidates: [] } : this.#users(kind, word, start);
  }

  /** The users that an argument, or a word of what is said, can become. */
  #users(kind: "user" | "said", word: string, start: number): { start: number; candidates: string[] } {
    const opened = kind === "said" ? opening.exec(word)![0].length : 0;
    const sign = word[opened] === "@" ? "@" : "";
    const name = word.slice(opened + sign.length);
    if (kind === "said" && name === "" && sign === "") return { start, candidates: [] };
    // Behind a bracket or a quotation mark, what closes it may be next.
    const tail = opened > 0 ? "" : kind === "said" && start === 0 ? ": " : " ";
    return { start: start + opened, candidates: ending(this.#roster.users(), name, sign, tail) };
  }

  /** What the argument at the end of one of the client's own commands can become. */
  #ownCandidates(before: string): { start: number; candidates: string[] } | undefined {
    const [head, name] = /^\/([^/\s]\S*)\s+/.exec(before) ?? [];
    const command = name === undefined ? undefined : this.#own.find(name);
    if (!command || head === undefined) return undefined;
    let start = head.length;
    for (const what of command.completes ?? []) {
      const typed = before.slice(start);
      if (what === "@user" && !typed.startsWith("@")) continue;
      const word = /^\S*\s+/.exec(typed)?.[0];
      if (what === "path" || word === undefined) return { start, candidates: this.#completed(what, typed) };
      start += word.length;
    }
    return { start: before.length, candidates: [] };
  }

  #completed(what: Completed, typed: string): string[] {
    const sign = /^[@#]/.exec(typed)?.[0] ?? "";
    const name = typed.slice(sign.length);
    switch (what) {
      case "path":
        return [...pathCandidates(typed)];
      case "room":
        return ending(this.#roster.rooms(), typed, "", " ");
      case "user":
      case "@user":
      case "target":
        if (what === "target" && sign === "#") return ending(this.#roster.rooms(), name, sign, " ");
        return sign === "#" ? [] : ending(this.#roster.users(), name, sign, " ");
      default:
        return ending(typeof what === "function" ? what() : what, typed, "", " ");
    }
  }

  /** What the argument at the end of a command is; "said" for text, undefined where nothing is completed. */
  #kindAt(line: string): "user" | "room" | "device" | "command" | "said" | undefined {
    const [verb, ...words] = line.slice(1).split(/\s+/);
    const command = this.#commands().find(verb);
    if (!command) return undefined;
    const declared = command.arguments.filter(({ kind }) =>
      !["id", "seq", "seq_or_pos", "topic", "flag", "fields"].includes(kind)
    );
    const argument = declared[Math.min(words.length, declared.length) - 1];
    switch (argument?.kind) {
      case "user":
      case "room":
      case "device":
      case "command":
        return argument.kind;
      case "text":
        return "said";
      default:
        return undefined;
    }
  }
}

/** Candidates as they are told: of a path, the last part. */
function shown(candidates: readonly string[], start: number): string[] {
  const words = candidates.map((candidate) => candidate.trim());
  return start === 0 ? words : words.map((word) => word.replace(/^.*\/(?=.)/s, ""));
}

function ending(names: readonly string[], typed: string, head: string, tail: string): string[] {
  return names.filter((name) => startsWith(name, typed)).map((name) => head + name + tail);
}

function startsWith(name: string, beginning: string): boolean {
  return name.toLowerCase().startsWith(beginning.toLowerCase());
}

function commonStart(words: readonly string[]): string {
  let length = 0;
  const [first] = words;
  while (length < first.length && words.every((word) => word[length]?.toLowerCase() === first[length].toLowerCase())) {
    length++;
  }
  return first.slice(0, length);
}
