/**
 * Runs what an operator typed: reads it, asks for what it needs, has it done, and shows what came of it.
 */

import { openAudit } from "../observability/audit.ts";
import { checkNewPassword } from "../auth/new_password.ts";
import { hashInvitation, invitationId } from "../auth/invitation_code.ts";
import { bcryptHasher } from "../auth/password.ts";
import { type Config, ConfigError, loadConfig, usesRedis } from "../config/config.ts";
import { CommandLineError } from "../common/command_line.ts";
import { ChatError, messageOf } from "../common/errors.ts";
import { isUsername, usernameRule } from "../wire/names.ts";
import { parseCommand, type Typed, UsageError } from "./command_line.ts";
import { adminHelp, commands, type CommandSpec } from "./command_table.ts";
import { ask, openForImport } from "./target.ts";
import { examine } from "./doctor.ts";
import { importRecords } from "./import.ts";
import { linesOf } from "./lines.ts";
import { AdminError, type Given } from "./given.ts";
import { type PasswordSource, readPassword } from "./password.ts";
import { type Row, table } from "../common/table.ts";

/** What is around the program. */
export interface Surroundings {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly dotenv: string | undefined;
  readonly streams: Streams;
}

/** What an operator types into, and what is shown: a process' own streams have it all. */
export interface Streams {
  readonly stdin: PasswordSource;
  readonly stdout: Pick<typeof Deno.stdout, "write" | "writeSync" | "isTerminal">;
  readonly stderr: Pick<typeof Deno.stderr, "writeSync">;
}

const encoder = new TextEncoder();

/**
 * Does what an operator typed, and prints what came of it.
 *
 * @returns the exit code: 0 done, 1 not done, 2 a command that there is not; one line on stderr says why
 * @throws {Error} what nobody expected
 */
export async function runAdmin({ streams, ...surroundings }: Surroundings): Promise<number> {
  try {
    const typed = parseCommand(surroundings.args);
    if (typed === "help") {
      print(streams, adminHelp());
      return 0;
    }
    const sources = { ...surroundings, args: typed.rest };
    if (typed.command === "doctor") return await showExamination(examine(sources), typed.json, streams);
    const loaded = loadConfig(sources);
    if (loaded.kind === "help") throw new UsageError("--help comes alone");
    await audited(
      typed,
      loaded.config,
      { ...surroundings, streams },
      () => run(typed, loaded.config, operatorOf(surroundings.env), streams),
    );
    return 0;
  } catch (error) {
    if (!isExpected(error)) throw error;
    show(streams.stderr, error.message);
    return error instanceof UsageError ? 2 : 1;
  }
}

function isExpected(error: unknown): error is Error {
  return [AdminError, CommandLineError, UsageError, ConfigError, ChatError].some((kind) => error instanceof kind);
}

/** Has something done, and notes it in the audit log: in the file, or, where it is a stream, by a running server. */
async function audited(
  { command, given }: Typed,
  config: Config,
  { env, streams }: Surroundings,
  work: () => Promise<void>,
): Promise<void> {
  if (/(^| )(list|show|reports)$/.test(command) || config.auditLog === "off") return await work();
  const stream = ["stdout", "stderr"].includes(config.auditLog);
  using audit = stream ? undefined : openAudit(config);
  const { user, key, role, room, network, reason, invitation } = given;
  const target = user ?? key ?? network;
  const id = invitation === undefined ? undefined : await nameOf(invitation);
  const record = async (outcome: string) => {
    const details = { target, role, room, reason, invitation: id };
    const line = { event: command, outcome, user: operatorOf(env), by: "admin", ...details };
    if (audit) audit.record(line);
    else await recordByServer(config, line, streams);
  };
  try {
    await work();
  } catch (error) {
    await record(error instanceof ChatError ? error.code : "failed");
    throw error;
  }
  await record("ok");
}

/** Has a running server write a record; where none does, it is shown, so that it is not lost. */
async function recordByServer(
  config: Config,
  record: Readonly<Record<string, unknown>>,
  { stderr }: Streams,
): Promise<void> {
  try {
    for await (const _ of ask(config, "audit", { record }, false)) { /* it is written */ }
  } catch (error) {
    const line = JSON.stringify({ time: new Date().toISOString(), ...record });
    show(stderr, `Not in the audit log: ${messageOf(error)}; keep this line: ${line}`);
  }
}

/** The account of the system that the operator works with. */
function operatorOf({ SUDO_USER, USER }: Surroundings["env"]): string | undefined {
  return SUDO_USER ?? USER;
}

async function run(typed: Typed, config: Config, operator: string | undefined, streams: Streams): Promise<void> {
  const { command, json } = typed;
  if (command === "export") return await exportTo(typed.given.file ?? "-", config, streams);
  if (command === "import") return await importFrom(typed, config, streams);
  const given = { ...await completed(typed, config, streams), by: operator };
  const rows: Row[] = [];
  const making = (commands[command] as CommandSpec).making === true;
  for await (const item of ask(config, command, given, making)) {
    const row = item as Row;
    if (json) print(streams, JSON.stringify(row));
    else if (typeof row.done === "string") print(streams, row.done);
    else rows.push(row);
  }
  if (rows.length > 0) print(streams, table(rows).join("\n"));
  else if (!json && /(^| )(list|show|reports)$/.test(command)) print(streams, "none");
}

/** An invitation as it may be written down: who has its code may use it. */
async function nameOf(invitation: string): Promise<string> {
  return /^[0-9a-f]{10}$/.test(invitation) ? invitation : invitationId(await hashInvitation(invitation));
}

/** Adds what is not typed: a password, as its hash. */
async function completed({ command, given }: Typed, config: Config, { stdin }: Streams): Promise<Given> {
  if (command !== "users create" && command !== "users password") return given;
  const { user = "", role = "user" } = given;
  if (!isUsername(user)) throw new AdminError(`${JSON.stringify(user)} is no username; ${usernameRule}`);
  const password = await readPassword(user, stdin);
  await checkNewPassword(user, password);
  const hash = await (await bcryptHasher(config.bcryptCost)).hash(password);
  return command === "users create" ? { user, role, hash } : { user, hash };
}

/** Writes an export; a file has its name only when it is whole, and is its owner's alone, as it holds hashes. */
async function exportTo(path: string, config: Config, streams: Streams): Promise<void> {
  const records = ask(config, "export", { store: usesRedis(config) ? "redis" : "sqlite" }, false);
  if (path === "-") {
    const { stdout } = streams;
    if (stdout.isTerminal()) throw new AdminError("Name a file, or send the output somewhere: it holds hashes");
    await write(records, stdout);
    return;
  }
  const partial = `${path}.part`;
  let counts: unknown;
  try {
    using file = await Deno.open(partial, { write: true, create: true, truncate: true, mode: 0o600 });
    await file.truncate();
    counts = await write(records, file);
    await file.sync();
  } catch (error) {
    await Deno.remove(partial).catch(() => {}); // it may not have been made
    throw isExpected(error) ? error : new AdminError(`${path}: ${(error as Error).message}`, { cause: error });
  }
  await Deno.rename(partial, path);
  print(streams, `${path}: ${count(counts as Record<string, unknown>)}`);
}

async function write(records: AsyncIterable<unknown>, into: Pick<Deno.FsFile, "write">): Promise<unknown> {
  let [waiting, end]: [string, unknown] = ["", undefined];
  const flush = async () => {
    const bytes = encoder.encode(waiting);
    waiting = "";
    for (let sent = 0; sent < bytes.length;) sent += await into.write(bytes.subarray(sent));
  };
  for await (const record of records) {
    end = (record as { end?: unknown }).end ?? end;
    waiting += `${JSON.stringify(record)}\n`;
    if (waiting.length >= 65_536) await flush();
  }
  await flush();
  return end;
}

async function importFrom({ given, json }: Typed, config: Config, streams: Streams): Promise<void> {
  const path = given.file ?? "-";
  const bytes = path === "-" ? streams.stdin.readable : await Deno.open(path).then((file) => file.readable, (cause) => {
    throw new AdminError(`${path} cannot be read: ${cause.message}`, { cause });
  });
  const lines = linesOf(bytes, { preventCancel: true });
  try {
    await using store = await openForImport(config);
    const imported = await importRecords(store, lines, given.merge === "yes");
    if (json) return print(streams, JSON.stringify(imported));
    const { keptAccounts, keptTopics } = imported;
    print(streams, `imported ${count({ ...imported })}`);
    if (keptAccounts.length > 0) print(streams, `kept accounts that were there: ${keptAccounts.join(", ")}`);
    if (keptTopics.length > 0) print(streams, `kept logs that were there: ${keptTopics.join(", ")}`);
  } finally {
    await lines.return(); // which gives the stream back
    await bytes.cancel().catch(() => {}); // read to its end
  }
}

function count({ accounts, topics, messages }: Record<string, unknown>): string {
  return `${accounts} accounts, ${topics} topics, ${messages} messages`;
}

async function showExamination(
  findings: ReturnType<typeof examine>,
  json: boolean,
  streams: Streams,
): Promise<number> {
  let failed = false;
  for await (const { subject, state, text, advice } of findings) {
    failed ||= state === "fail";
    if (json) print(streams, JSON.stringify({ subject, state, text, advice: advice ?? null }));
    else print(streams, `${state.padEnd(4)}  ${subject}: ${text}${advice === undefined ? "" : `\n      → ${advice}`}`);
  }
  return failed ? 1 : 0;
}

function print({ stdout }: Streams, text: string): void {
  show(stdout, text);
}

function show(where: Streams["stderr"], text: string): void {
  const bytes = encoder.encode(`${text}\n`);
  for (let sent = 0; sent < bytes.length;) sent += where.writeSync(bytes.subarray(sent));
}
