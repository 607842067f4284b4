/** Finds a function or method of a TypeScript source by its name, and puts another in its place. */

import { parse, type ParseResult } from "@babel/parser";

type Statement = ParseResult["program"]["body"][number];
type Member = Extract<Statement, { type: "ClassDeclaration" }>["body"]["body"][number];

/** Where a declaration stands in its source. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

interface Declaration extends Span {
  readonly name: string;
  /** Whether it is a signature only: an overload, an abstract method or an ambient function. */
  readonly bodiless: boolean;
}

/**
 * Replaces a function's declaration, from its first overload to the end of its body. The comment above it stays.
 *
 * @param name as for {@linkcode findFunction}
 * @param declaration the source that takes its place; it declares the same name, and nothing else
 * @throws {Error} where {@linkcode findFunction} does, or what comes of it does not parse
 */
export function replaceFunction(source: string, name: string, declaration: string): string {
  const { start, end } = findFunction(source, name);
  const text = declaration.trim();
  const replaced = source.slice(0, start) + text + source.slice(end);
  let found: Span[];
  try {
    found = functions(replaced, name);
  } catch (cause) {
    throw new Error(`What replaces ${name} does not parse: ${(cause as Error).message}`, { cause });
  }
  if (found.length !== 1 || found[0].start !== start || found[0].end !== start + text.length) {
    throw new Error(`What replaces ${name} is not a declaration of ${name} alone`);
  }
  return replaced;
}

/**
 * Finds a declared function, with its `export`, its modifiers and its overloads.
 *
 * @param name a function of the top level (`readOn`), declared or a constant's arrow function; or a class's method,
 * accessor or arrow function: `Relay.check`, `Relay.#hear`, `Relay.[Symbol.asyncDispose]`
 * @throws {Error} where there is no such function, or more than one
 */
export function findFunction(source: string, name: string): Span {
  const found = functions(source, name);
  if (found.length === 0) throw new Error(`There is no function ${name}`);
  if (found.length > 1) throw new Error(`There are ${found.length} functions ${name}`);
  return found[0];
}

function functions(source: string, name: string): Span[] {
  const { program } = parse(source, { sourceType: "module", plugins: ["typescript"] });
  const found: Span[] = [];
  let overloads: Declaration[] = [];
  for (const declaration of program.body.flatMap((statement) => [...declarations(statement, source)])) {
    if (overloads.at(-1)?.name !== declaration.name) overloads = [];
    if (declaration.bodiless) {
      overloads.push(declaration);
      continue;
    }
    const [{ start } = declaration] = overloads;
    if (declaration.name === name) found.push({ start, end: declaration.end });
    overloads = [];
  }
  return found;
}

/** The functions that a statement declares, in the order of the source. */
function* declarations(statement: Statement, source: string): Generator<Declaration> {
  const exported = statement.type === "ExportNamedDeclaration" || statement.type === "ExportDefaultDeclaration";
  const declared = exported ? statement.declaration : statement;
  const span = { start: statement.start!, end: statement.end! };
  switch (declared?.type) {
    case "FunctionDeclaration":
    case "TSDeclareFunction":
      if (declared.id) yield { ...span, name: declared.id.name, bodiless: declared.type === "TSDeclareFunction" };
      break;
    case "VariableDeclaration": {
      const [{ id, init }, ...others] = declared.declarations;
      if (others.length === 0 && id.type === "Identifier" && isFunction(init)) {
        yield { ...span, name: id.name, bodiless: false };
      }
      break;
    }
    case "ClassDeclaration":
      for (const member of declared.body.body) {
        const name = methodName(member, source);
        if (name === undefined) continue;
        const bodiless = member.type === "TSDeclareMethod";
        yield { start: member.start!, end: member.end!, name: `${declared.id?.name}.${name}`, bodiless };
      }
  }
}

/** The name of a class's member that is a function; a computed one is in brackets, as it is written. */
function methodName(member: Member, source: string): string | undefined {
  switch (member.type) {
    case "ClassPrivateMethod":
      return `#${member.key.id.name}`;
    case "ClassPrivateProperty":
      return isFunction(member.value) ? `#${member.key.id.name}` : undefined;
    case "ClassProperty":
      if (!isFunction(member.value)) return undefined;
      // falls through
    case "ClassMethod":
    case "TSDeclareMethod": {
      const { key, computed } = member;
      const text = source.slice(key.start!, key.end!);
      if (computed) return `[${text}]`;
      return key.type === "StringLiteral" ? key.value : text;
    }
  }
}

function isFunction(node: { readonly type: string } | null | undefined): boolean {
  return node?.type === "ArrowFunctionExpression" || node?.type === "FunctionExpression";
}
