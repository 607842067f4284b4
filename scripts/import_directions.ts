/**
 * The rule for the direction of imports, as a plugin of `deno lint`.
 *
 * A part of the house is a folder: a file belongs to the nearest folder above it that the table names. It looks at
 * relative specifiers only; which packages are in use is a matter of `deno.json`.
 */

import { posix } from "node:path";
import { fileURLToPath } from "node:url";

/** A floor of the house: a folder, and how far down it may reach. */
export interface Part {
  /** From the project's root; the programs' roots (`server.ts`, …) stand for themselves. */
  readonly folder: string;
  /** The folders that it may import, beside itself. */
  readonly imports: readonly string[];
  /** The folders that it may import types from, in addition. */
  readonly types?: readonly string[];
  /** Why the bounds are where they are; shown with a violation. */
  readonly because: string;
}

/** Gives each folder of a list those below it, `butNot` one, and the ground that all of the list stands on. */
function ladder(
  ground: readonly string[],
  floors: readonly (Omit<Part, "imports"> & { readonly butNot?: string })[],
): readonly Part[] {
  return floors.map(({ butNot, ...floor }, at) => ({
    ...floor,
    imports: [...floors.slice(at + 1).map(({ folder }) => folder).filter((folder) => folder !== butNot), ...ground],
  }));
}

const ground = ["lib/limits", "lib/observability", "lib/config", "lib/wire", "lib/common"];

/** What the client is made of, from what a person starts down to what everything stands on. */
const client = ladder(["lib/wire", "lib/common"], [
  { folder: "lib/client/cli", because: "it is what a person starts, and nothing stands on it" },
  {
    folder: "lib/client/cli/options",
    butNot: "lib/client",
    because: "a command line is read before anything is opened",
  },
  { folder: "lib/client", because: "a bot has no terminal" },
  { folder: "lib/client/tui", because: "the full screen is one of the screens" },
  { folder: "lib/client/tui/text", because: "how a text looks knows nothing of the screen that it is on" },
  { folder: "lib/client/terminal", because: "what any screen needs knows none of them" },
  { folder: "lib/client/transfer", because: "a file is sent through a session, and no screen" },
  { folder: "lib/client/e2ee", because: "encryption sits on a session's connection, and no screen" },
  { folder: "lib/client/session", because: "a session knows neither encryption nor files" },
  { folder: "lib/client/net", because: "one connection knows no session" },
  { folder: "lib/client/base", because: "everything of the client stands on it" },
]);

const stores = [
  "lib/store/redis/admin",
  "lib/store/sqlite/admin",
  "lib/store/redis/accounts",
  "lib/store/sqlite/accounts",
  "lib/store/redis/scripts",
  "lib/store/redis/transport",
  "lib/store/redis/rooms",
  "lib/store/redis/deletion",
  "lib/store/redis",
  "lib/store/sqlite/file",
  "lib/store/sqlite/rooms",
  "lib/store/sqlite/deletion",
  "lib/store/sqlite",
  "lib/store/records",
  "lib/store/data_folder",
  "lib/store/accounts",
  "lib/store",
];

/** What a server is made of, from whole servers down to one topic's delivery. */
const server = ladder([...stores.slice(-2), ...ground], [
  { folder: "lib/server/service", because: "it puts the server's own parts together" },
  {
    folder: "lib/server/commands/deleting",
    butNot: "lib/server/connection",
    because: "deleting asks for what a command may read, and no socket",
  },
  {
    folder: "lib/server/commands",
    butNot: "lib/server/connection",
    because: "a command knows its caller as a port, and no socket",
  },
  {
    folder: "lib/server/commands/accounts",
    butNot: "lib/server/connection",
    because: "what an account's owner asks for needs no other command",
  },
  {
    folder: "lib/server/commands/rooms",
    butNot: "lib/server/connection",
    because: "what is asked for in a room needs no other command",
  },
  { folder: "lib/server/connection", because: "a connection finds commands through the registry" },
  { folder: "lib/server/registry", because: "the gate knows no single command" },
  { folder: "lib/server/rooms", because: "who may do what in a room knows no command" },
  { folder: "lib/server/sessions", because: "who is here knows no socket" },
  { folder: "lib/server/metering", because: "what measures changes nothing of what it measures" },
  { folder: "lib/server/delivery", because: "from the store to the socket no user and no command is known" },
]);

/** Each folder that holds the house's code, once, and its three roots. */
const house: readonly Part[] = [
  {
    folder: "server.ts",
    imports: ["lib/server/workers", "lib/server/service", "lib/tls", ...ground],
    because: "the server's root starts servers",
  },
  { folder: "admin.ts", imports: ["lib/admin", ...ground], because: "the operator's root needs no server" },
  { folder: "client.ts", imports: ["lib/client/cli"], because: "the client is compiled with nothing of the server" },
  ...client,
  {
    folder: "lib/server/workers",
    imports: [
      ...server.map(({ folder }) => folder),
      "lib/server",
      "lib/admin",
      "lib/auth",
      "lib/tls",
      "lib/store",
      ...ground,
    ],
    because: "it starts whole servers, in this thread or in others",
  },
  ...server.map((part) => {
    // Which accounts and which certificate there are is the root's choice: below it they are ports.
    const ports = ["service", "registry", "connection", "sessions"].some((name) => part.folder.endsWith(name));
    const auth = ["lib/server/commands", "lib/server/commands/accounts"].includes(part.folder)
      ? { imports: [...part.imports, "lib/auth", "lib/server/commands/deleting"] }
      : {};
    return { ...part, ...auth, ...(ports ? { types: ["lib/auth", "lib/tls"] } : {}) };
  }),
  {
    folder: "lib/server",
    imports: ground,
    because: "discovery tells where the server is, and nothing of what it does",
  },
  {
    folder: "lib/admin",
    imports: [
      "lib/tls",
      "lib/auth",
      "lib/store",
      "lib/store/accounts",
      "lib/store/data_folder",
      "lib/store/records",
      "lib/store/redis",
      "lib/store/redis/transport",
      ...ground,
    ],
    because: "what an operator asks for is done to the store; servers hear of it through the store",
  },
  {
    folder: "lib/auth",
    imports: ground,
    types: ["lib/store", "lib/store/accounts"],
    because: "accounts ask for a port; which store is behind it is the server's choice",
  },
  { folder: "lib/tls", imports: ground, because: "a certificate knows neither server nor client" },
  {
    folder: "lib/store",
    imports: ["lib/store/accounts", "lib/store/redis", "lib/store/redis/transport", "lib/store/sqlite", ...ground],
    because: "a store knows no connection",
  },
  { folder: "lib/store/accounts", imports: ["lib/store", ...ground], because: "ports know no store" },
  { folder: "lib/store/redis/accounts", imports: [...stores, ...ground], because: "a store knows no connection" },
  {
    folder: "lib/store/sqlite/accounts",
    imports: ["lib/store/sqlite", "lib/store/sqlite/file", "lib/store/accounts", "lib/store", ...ground],
    because: "a store knows no connection",
  },
  { folder: "lib/store/redis/admin", imports: [...stores, ...ground], because: "a store knows no connection" },
  {
    folder: "lib/store/sqlite/admin",
    imports: ["lib/store/sqlite", "lib/store/sqlite/accounts", "lib/store/sqlite/file", "lib/store", ...ground],
    because: "a store knows no connection",
  },
  { folder: "lib/store/redis", imports: [...stores, ...ground], because: "a store knows no connection" },
  {
    folder: "lib/store/redis/deletion",
    imports: ["lib/store/redis", "lib/store", ...ground],
    because: "deleting asks the store's logs, and the logs know nothing of it",
  },
  {
    folder: "lib/store/sqlite/deletion",
    imports: ["lib/store/sqlite/file", "lib/store/sqlite", "lib/store", ...ground],
    because: "deleting asks the store's logs, and the logs know nothing of it",
  },
  {
    folder: "lib/store/redis/rooms",
    imports: ["lib/store/redis", "lib/store/records", "lib/store/accounts", "lib/store", ...ground],
    types: ["lib/store/redis/transport"],
    because: "rooms in Redis know no other store",
  },
  {
    folder: "lib/store/records",
    imports: ["lib/store", ...ground],
    because: "what a change does to a record is the same in every store",
  },
  { folder: "lib/store/data_folder", imports: ["lib/common"], because: "a data folder knows nothing of what is in it" },
  {
    folder: "lib/store/sqlite/file",
    imports: ["lib/store", "lib/store/data_folder", ...ground],
    because: "a database file knows nothing of what is kept in it",
  },
  {
    folder: "lib/store/sqlite/rooms",
    imports: ["lib/store/sqlite/file", "lib/store/records", "lib/store/accounts", "lib/store", ...ground],
    because: "rooms in the file know no other store",
  },
  {
    folder: "lib/store/sqlite",
    imports: [
      "lib/store/sqlite/admin",
      "lib/store/sqlite/accounts",
      "lib/store/sqlite/file",
      "lib/store/sqlite/rooms",
      "lib/store/records",
      "lib/store/accounts",
      "lib/store/sqlite/deletion",
      "lib/store",
      ...ground,
    ],
    because: "a store knows no connection",
  },
  {
    folder: "lib/store/redis/transport",
    imports: ["lib/common"],
    because: "a connection knows nothing of what is sent on it",
  },
  { folder: "lib/store/redis/scripts", imports: [], because: "scripts run in Redis" },
  {
    folder: "lib/limits",
    imports: ["lib/observability", "lib/config", "lib/wire", "lib/common"],
    types: ["lib/store"],
    because: "what is counted is told by who counts it",
  },
  {
    folder: "lib/observability",
    imports: ["lib/config", "lib/wire", "lib/common"],
    because: "logs and metrics know nothing of what uses them",
  },
  { folder: "lib/config", imports: ["lib/wire", "lib/common"], because: "options know nothing of what reads them" },
  { folder: "lib/wire", imports: ["lib/common"], because: "server and client meet here" },
  { folder: "lib/common", imports: [], because: "server and client both stand on it" },
  {
    folder: "examples",
    imports: ["lib/client"],
    because: "an example shows what the client's library can do, and that is all it needs",
  },
];

const everywhere = house.map(({ folder }) => folder);

/** The house, and what looks at it from outside. */
export const parts: readonly Part[] = [
  ...house,
  { folder: "scripts", imports: everywhere, because: "a script uses the library, and is no test" },
  { folder: "bench", imports: [...everywhere, "scripts", "tests"], because: "a bench stands on no other bench" },
  { folder: "tests", imports: [...everywhere, "scripts", "bench"], because: "tests look everywhere" },
];

/** A file's part, or undefined where no folder above it is in the table. */
export function partOf(file: string): Part | undefined {
  const outside = ["scripts", "bench", "tests", "examples"].find((folder) => file.startsWith(`${folder}/`));
  const folder = outside ?? (file.includes("/") ? posix.dirname(file) : file);
  return parts.find((part) => part.folder === folder);
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
    return `${importer ? to : from} lies in no folder of the house: give its folder a row in the table`;
  }
  const { folder } = imported;
  if (importer === imported || importer.imports.includes(folder)) return undefined;
  if (importer.types?.includes(folder)) {
    if (kind === "type") return undefined;
    return `${importer.folder} may import only types from ${folder} (${to}): ${importer.because}`;
  }
  return `${importer.folder} may not import ${folder} (${to}): ${importer.because}`;
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
