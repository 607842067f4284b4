/**
 * The rules for docstrings, as a plugin of `deno lint`: what a symbol is for stands on the symbol, where an editor and
 * `deno doc` show it.
 */

import { posix } from "node:path";
import { fileURLToPath } from "node:url";

/** How many lines the comment at a file's head may have. */
export const maxHeadLines = 6;

/** Words that say nothing by themselves. */
const fillers = new Set("a an the of for to in its is are one this that what it and".split(" "));

const pointers = /\bsee the (?:file|module)\b|\b(?:file|module)'s (?:first lines?|promises)\b/i;

/**
 * What is wrong with a docstring, in one sentence, or undefined where nothing is.
 *
 * @param name the symbol's
 * @param comment the text of the block comment above it, without its delimiters; undefined where there is none
 */
export function docstringFault(name: string, comment: string | undefined): string | undefined {
  if (comment === undefined || !comment.startsWith("*")) {
    return `${name} is exported and has no docstring: say what it is for, with units and what it throws`;
  }
  if (pointers.test(comment)) return `${name}'s docstring points at the file: say it on the symbol`;
  const prose = comment.replaceAll(/\{@linkcode [^}]*\}/g, "").replace(/@\w+[\s\S]*$/, "");
  const own = wordsOf(name);
  const said = wordsOf(prose).filter((word) => !fillers.has(word));
  if (!/[\w@]/.test(comment)) return `${name}'s docstring is empty`;
  if (!comment.includes("@") && said.length > 0 && said.every((word) => own.includes(word))) {
    return `${name}'s docstring only repeats its name: say what a reader cannot guess`;
  }
  return undefined;
}

/** @returns what is wrong with the comment at a file's head, or undefined where nothing is */
export function headFault(comment: string): string | undefined {
  const lines = comment.split("\n").filter((line) => /[^\s*]/.test(line)).length;
  if (lines <= maxHeadLines) return undefined;
  return `A file's head has at most ${maxHeadLines} lines, this one ${lines}: promises stand on the symbol that keeps them`;
}

/** The words of a name or a sentence, in lower case and without a plural's s. */
function wordsOf(text: string): string[] {
  return text.replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase().match(/[a-z0-9]+/g)
    ?.map((word) => word.replace(/(?<=[a-z]{3})s$/, "")) ?? [];
}

type Declared = { readonly name: string; readonly node: Deno.lint.Node };

/** What an export declares itself; nothing for what comes from elsewhere. */
function declaredBy(node: Deno.lint.ExportNamedDeclaration): Declared[] {
  const { declaration } = node;
  if (!declaration) return [];
  if (declaration.type === "VariableDeclaration") {
    return declaration.declarations.flatMap(({ id }) => id.type === "Identifier" ? [{ name: id.name, node }] : []);
  }
  const { id } = declaration as { id?: { type: string; name?: string } | null };
  return id?.type === "Identifier" && id.name !== undefined ? [{ name: id.name, node }] : [];
}

const root = fileURLToPath(new URL("..", import.meta.url)).replaceAll("\\", "/");

const plugin: Deno.lint.Plugin = {
  name: "docstrings",
  rules: {
    "on-the-symbol": {
      create(context) {
        const file = context.filename.replaceAll("\\", "/");
        const checked = file.startsWith(posix.join(root, "lib/")) || file.startsWith(posix.join(root, "scripts/"));
        if (!checked) return {};
        const text = context.sourceCode.text;
        return {
          Program(node) {
            const head = /^\/\*\*?([\s\S]*?)\*\//.exec(text);
            // Where no import follows, the first comment is the first symbol's.
            if (!head || !/^\s*(?:import|export \*|export \{)/.test(text.slice(head[0].length))) return;
            if (/@module/.test(head[1])) return; // the library's page
            const message = headFault(head[1]);
            if (message) context.report({ node, message });
          },
          ExportNamedDeclaration(node) {
            const overloaded = text.slice(0, node.range[0]).trimEnd();
            for (const { name, node: at } of declaredBy(node)) {
              if (overloaded.endsWith(";") && new RegExp(`export function ${name}\\b[^{}]*;$`).test(overloaded)) {
                continue;
              }
              const message = docstringFault(name, commentAbove(text, node.range[0]));
              if (message) context.report({ node: at, message });
            }
          },
        };
      },
    },
  },
};

/** The text of the block comment that ends right above a place, its first star included. */
function commentAbove(text: string, at: number): string | undefined {
  const before = text.slice(0, at).replace(/(?:\s*\/\/[^\n]*)*\s*$/, "");
  if (!before.endsWith("*/")) return undefined;
  return before.slice(before.lastIndexOf("/*") + 2, -2);
}

export default plugin;
