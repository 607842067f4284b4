import { ChatError } from "../../common/errors.ts";
import { fileLife, type Full, type StoredFile } from "../../store/files.ts";
import type { FileOffer } from "../../wire/event.ts";
import { chunkCount, chunkLineBytes, chunkSize, fileChunkBytes } from "../../wire/files.ts";
import { inboxTopic, roomTopic, type Topic } from "../../wire/names.ts";
import { aboutNone, mayUse } from "../registry/access.ts";
import { defineCommand, type Services } from "../registry/command.ts";
import { isoTime } from "../delivery/events.ts";
import type { UserSession } from "../sessions/user_session.ts";
import { knownUser } from "./follows.ts";
import { isIn, mayRead, mightRead, notIn } from "./reading.ts";

const file = { name: "file", kind: "id" } as const;

/** Files: taken in chunks, offered by a message, fetched in chunks by those who may read that message. */
export const fileCommands = [
  defineCommand({
    name: "upload",
    arguments: [
      { name: "name", kind: "filename" },
      { name: "size", kind: "seq" },
      { name: "sha256", kind: "hash" },
      { name: "to", kind: "user", optional: true },
      { name: "room", kind: "room", optional: true },
    ],
    who: "user",
    help: "begin to send a file, or learn how far it has come",
    typed: false,
    async run({ session }, { name, size, sha256, to, room }, services) {
      const { store, config: { maxFileBytes, fileTtl } } = services;
      if (maxFileBytes === 0 || size > maxFileBytes) {
        const allowed = maxFileBytes === 0 ? "this server takes none" : `at most ${maxFileBytes} are allowed`;
        throw new ChatError("file_too_large", `The file is ${size} bytes; ${allowed}`);
      }
      const topic = await destination(session, to, room, services);
      const begun = await store.files.begin({ owner: session.user, topic, name, size, sha256 });
      if (typeof begun === "string") throw noRoom(begun, services);
      const { id, have } = begun;
      const all = chunkCount(size);
      // Of one that is not complete, what it will be: until then it is kept for as long as it is being sent.
      const until = have < all ? Date.now() + fileLife({ size, have: all }, fileTtl) : begun.expires;
      return { reply: { of: "upload", file: id, have, chunk_bytes: fileChunkBytes, expires: isoTime(until) } };
    },
  }),
  defineCommand({
    name: "chunk",
    arguments: [file, { name: "n", kind: "seq" }, { name: "data", kind: "data" }],
    who: "user",
    help: "send a part of a file",
    about: aboutNone,
    typed: false,
    lineBytes: chunkLineBytes,
    carriesFile: true,
    async run({ session }, { file: id, n, data }, services) {
      const { store } = services;
      const found = await ownFile(id, session, store);
      const { size } = found;
      if (size === 0) throw noChunks();
      const expected = chunkSize(size, n);
      if (byteLength(data) !== expected) {
        const last = chunkCount(size) - 1;
        throw new ChatError("usage", `Chunk ${n} of 0 to ${last} has ${expected} bytes, not ${byteLength(data)}`);
      }
      const have = await store.files.put(found, n, data);
      if (have === undefined) throw unknownFile();
      if (typeof have === "string") throw noRoom(have, services);
      return { reply: { of: "chunk", have } };
    },
  }),
  defineCommand({
    name: "download",
    arguments: [file, { name: "n", kind: "seq" }],
    who: "user",
    help: "fetch a part of a file",
    about: aboutNone,
    typed: false,
    answerBytes: chunkLineBytes,
    carriesFile: true,
    async run({ session }, { file: id, n }, services) {
      const { store } = services;
      const found = await store.files.find(id);
      if (!found || !mayUse(session, found.topic)) throw unknownFile();
      if (found.owner !== session.user) await checkReadable(session, found.topic, services);
      if (found.size === 0) throw noChunks();
      if (n >= chunkCount(found.size)) {
        throw new ChatError("usage", `The file's chunks are numbered 0 to ${chunkCount(found.size) - 1}`);
      }
      const data = await store.files.get(id, n);
      if (data === undefined) throw unknownFile();
      return { reply: { of: "download", n, data } };
    },
  }),
  defineCommand({
    name: "withdraw",
    arguments: [file],
    who: "user",
    help: "remove a file of yours before it expires",
    about: aboutNone,
    typed: false,
    async run({ session }, { file: id }, { store }) {
      await ownFile(id, session, store);
      await store.files.remove(id);
      return { reply: { of: "withdraw", file: id } };
    },
  }),
];

/**
 * The file that a message to this topic offers.
 *
 * @throws {ChatError} `unknown_file` where it is not complete, not the sender's, or meant for another topic
 */
export async function offered(
  id: string,
  topic: Topic,
  session: UserSession,
  { store }: Pick<Services, "store">,
): Promise<FileOffer> {
  const found = await ownFile(id, session, store);
  if (found.topic !== topic || found.have < chunkCount(found.size)) throw unknownFile();
  const { name, size, sha256, expires } = found;
  return { id, name, size, sha256, expires: isoTime(expires) };
}

async function ownFile(id: string, session: UserSession, store: Services["store"]): Promise<StoredFile> {
  const found = await store.files.find(id);
  if (!found || found.owner !== session.user || !mayUse(session, found.topic)) throw unknownFile();
  return found;
}

/** The topic that a file is to be offered in. */
async function destination(
  session: UserSession,
  to: string | undefined,
  room: string | undefined,
  services: Services,
): Promise<Topic> {
  if ((to === undefined) === (room === undefined)) {
    throw new ChatError("usage", 'A file is for a user or for a room: name "to" or "room"');
  }
  if (to !== undefined) return inboxTopic((await knownUser(to, services)).name);
  if (session.side) await services.access.read(room!, session.user);
  else if (!await isIn(session, room!)) throw notIn(session, room!);
  return roomTopic(room!);
}

/** @throws {ChatError} `unknown_file`; where it is the room that is closed to the user, `banned` or `invite_only` */
async function checkReadable(session: UserSession, topic: Topic, services: Services): Promise<void> {
  try {
    await mayRead(session, topic, services);
    await mightRead(session, topic, services);
  } catch (error) {
    const closed = error instanceof ChatError && (error.code === "banned" || error.code === "invite_only");
    throw closed || !(error instanceof ChatError) ? error : unknownFile();
  }
}

/** How many bytes a base64 text encodes. */
function byteLength(data: string): number {
  return data.length / 4 * 3 - (data.endsWith("==") ? 2 : data.endsWith("=") ? 1 : 0);
}

function noRoom(full: Full, { limits, config }: Services): ChatError {
  limits.refused("files");
  const { maxUserFilesBytes, maxUserFilesPercent, maxFilesBytes } = config;
  const what = {
    full_user: `one user's files may have ${maxUserFilesBytes} bytes`,
    full_share: `one user's files may have ${maxUserFilesPercent} % of what those of others leave free`,
    full_all: `all files together may have ${maxFilesBytes} bytes`,
  };
  return new ChatError("files_full", `There is no room until files are withdrawn or expire: ${what[full]}`);
}

function noChunks(): ChatError {
  return new ChatError("usage", "The file is empty: it has no chunks");
}

function unknownFile(): ChatError {
  return new ChatError("unknown_file", "There is no such file, or not any more");
}
