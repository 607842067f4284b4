/**
 * The rule for the direction of imports, as a plugin of `deno lint`.
 *
 * One table says what each part of the house may import: its own part, the parts in `imports`, and, with
 * `import type`, those in `types`. Everything else is reported where it stands. It looks at relative specifiers only;
 * which packages are in use is a matter of `deno.json`.
 */

import { posix } from "node:path";
import { fileURLToPath } from "node:url";

/** One part of the house. */
interface Part {
  readonly name: string;
  /** Which files belong to it, as paths from the project's root. The first row that fits a file is its part. */
  readonly files: RegExp;
  readonly imports: readonly string[];
  readonly types?: readonly string[];
  /** Why the bounds are where they are; shown with a violation. */
  readonly because: string;
}

const ground = ["errors", "wire", "base"];
const running = [
  ...ground,
  "tls",
  "store",
  "auth",
  "admin",
  "delivery",
  "members",
  "commands",
  "session",
  "service",
  "discovery",
];
const serverSide = [...running, "workers"];

/** The house, from the ground up. */
export const parts: readonly Part[] = [
  {
    name: "errors",
    files: /^lib\/errors\.ts$/,
    imports: [],
    because: "everything stands on it",
  },
  {
    name: "wire",
    files: /^lib\/wire\//,
    imports: ["errors"],
    because: "server and client meet here, and here only",
  },
  {
    name: "base",
    files: /^lib\/[^/]+\.ts$/,
    imports: ["errors", "wire"],
    because: "configuration, logs, metrics and limits know nothing of what uses them",
  },
  {
    name: "tls",
    files: /^lib\/tls\//,
    imports: ["errors", "base"],
    because: "a certificate knows neither server nor client",
  },
  {
    name: "store",
    files: /^lib\/store\//,
    imports: ground,
    because: "a store knows no session",
  },
  {
    name: "auth",
    files: /^lib\/auth\//,
    imports: ground,
    types: ["store"],
    because: "accounts ask for a port; which store is behind it is the server's choice",
  },
  {
    name: "admin",
    files: /^lib\/admin\//,
    imports: [...ground, "tls", "store", "auth"],
    because: "what an operator asks for is done to the store; servers hear of it through the store",
  },
  {
    name: "workers",
    files: /^lib\/server\/(reload|start_server|thread|worker|worker_watch|workers)\.ts$/,
    imports: running,
    because: "it starts whole servers, in this thread or in others",
  },
  {
    name: "discovery",
    files: /^lib\/server\/discovery\.ts$/,
    imports: ground,
    because: "it tells where the server is, and knows nothing of what it does",
  },
  {
    name: "service",
    files: /^lib\/server\/(housekeeping|service)\.ts$/,
    imports: [...ground, "store", "delivery", "members", "commands", "session"],
    types: ["auth", "tls"],
    because: "it puts the server's own parts together; which store and which accounts is the root's choice",
  },
  {
    name: "session",
    files: /^lib\/server\/(answers|journal|line_reader|listener|send_order|session)\.ts$/,
    imports: [...ground, "store", "delivery", "members"],
    types: ["auth", "tls"],
    because: "a session finds commands through the registry, and is on the server's side of the wire",
  },
  {
    name: "commands",
    files: /^lib\/server\/commands\//,
    imports: [...ground, "auth", "store", "delivery", "members"],
    because: "a command knows its caller as a port, not the session or the listener",
  },
  {
    name: "members",
    files:
      /^lib\/server\/(caller|endings|entrance|members?|opening|orders|reassertion|registry|resume_token|seats)\.ts$/,
    imports: [...ground, "store", "delivery"],
    types: ["auth"],
    because: "who is here and what they may ask for knows no socket and no single command",
  },
  {
    name: "delivery",
    files: /^lib\/server\//,
    imports: [...ground, "store"],
    because: "from the store to the socket no user, session or command is known",
  },
  {
    name: "client",
    files: /^lib\/client\//,
    imports: ["errors", "wire"],
    because: "client and server meet through wire/ and errors.ts only",
  },
  {
    name: "server.ts",
    files: /^server\.ts$/,
    imports: serverSide,
    because: "the server's root puts the server's parts together",
  },
  {
    name: "admin.ts",
    files: /^admin\.ts$/,
    imports: [...ground, "admin"],
    because: "the operator's root needs no server",
  },
  {
    name: "client.ts",
    files: /^client\.ts$/,
    imports: [...ground, "client"],
    because: "the client's root puts the client's parts together, and is compiled with nothing else",
  },
  {
    name: "examples",
    files: /^examples\//,
    imports: ["client"],
    because: "an example shows what the client's library can do, and that is all it needs",
  },
  {
    name: "scripts",
    files: /^scripts\//,
    imports: [...serverSide, "client", "server.ts"],
    because: "a script uses the library, and is no test",
  },
  {
    name: "tests",
    files: /^(tests|bench)\//,
    imports: ["examples", ...serverSide, "client", "server.ts", "client.ts", "admin.ts", "scripts"],
    because: "",
  },
];

/** A file's part, or undefined where the table has no row for it. */
export function partOf(file: string): Part | undefined {
  return parts.find(({ files }) => files.test(file));
}

/**
 * What is wrong with an import, in one sentence, or undefined where nothing is.
 *
 * @param from the importing file, as a path from the project's root
 * @param to the imported one, likewise
 */
export function violation(from: string, to: string, kind: "type" | "value"): string | undefined {
  const importer = partOf(from);
  const imported = partOf(to);
  if (!importer || !imported) {
    return `${importer ? to : from} belongs to no part of the house: give it a row in the table`;
  }
  if (importer === imported || importer.imports.includes(imported.name)) return undefined;
  if (importer.types?.includes(imported.name)) {
    if (kind === "type") return undefined;
    return `${importer.name} may import only types from ${imported.name} (${to}): ${importer.because}`;
  }
  return `${importer.name} may not import ${imported.name} (${to}): ${importer.because}`;
}

const root = fileURLToPath(new URL("..", import.meta.url)).replaceAll("\\", "/");

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    "import-direction": {
      create(context) {
        const from = context.filename.replaceAll("\\", "/");
        if (!from.startsWith(root)) return {};
        const file = from.slice(root.length);

        function check(node: Deno.lint.Node, source: unknown, kind: "type" | "value"): void {
          if (typeof source !== "string" || !/^\.\.?\//.test(source)) return;
          const message = violation(file, posix.join(posix.dirname(file), source), kind);
          if (message) context.report({ node, message });
        }

        return {
          ImportDeclaration: (node) => check(node, node.source.value, node.importKind),
          ExportNamedDeclaration: (node) => check(node, node.source?.value, node.exportKind),
          ExportAllDeclaration: (node) => check(node, node.source.value, node.exportKind),
          ImportExpression: (node) => check(node, node.source.type === "Literal" && node.source.value, "value"),
          TSImportType: (node) => {
            const { argument } = node;
            const literal = argument.type === "TSLiteralType" ? argument.literal : argument as Deno.lint.Node;
            check(node, literal.type === "Literal" && literal.value, "type");
          },
        };
      },
    },
  },
};

export default plugin;
