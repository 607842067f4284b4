import { createHash } from "node:crypto";
import { chunkCount } from "../../wire/files.ts";
import { fold, type Topic } from "../../wire/names.ts";
import { countedBytes, type FileDraft, fileLife, type Files, type Full, type StoredFile } from "../files.ts";
import { randomWord } from "../log_position.ts";
import type { StoreLimits } from "../store.ts";
import type { RedisGateway } from "./gateway.ts";
import { fromPairs, type Keys } from "./keys.ts";

/** How long a removal is remembered, in milliseconds: longer than a begin can be under way. */
const removalMs = 60_000;

/** How many expired files are forgotten in one step. */
const sweepSize = 1_000;

/** How often a begin tries again that met a removal of the same file. */
const maxAttempts = 5;

/**
 * Files in Redis, with the promises of {@linkcode Files}.
 *
 * An index in one slot counts what files take together; each file and its chunks are in a slot of their own, so that a
 * cluster spreads them. So beginning, adding and removing are two steps each, of which one may be missing:
 * 1. a file is reserved before it is made, and a chunk's bytes are counted before it is added: a server that dies in
 *    between leaves bytes that are counted until they expire, and which the next attempt finds;
 * 2. a file is removed before its bytes are given free; a begin that comes in between finds the mark of the removal and
 *    gives them free itself;
 * 3. where the index knows a file that is not there (Redis came back with older data), beginning it makes it anew.
 */
export class RedisFiles implements Files {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;
  readonly #limits: StoreLimits;

  constructor(redis: RedisGateway, keys: Keys, limits: StoreLimits) {
    this.#redis = redis;
    this.#keys = keys;
    this.#limits = limits;
  }

  async begin(draft: FileDraft): Promise<StoredFile | Full> {
    const { fileTtl } = this.#limits;
    const { owner, topic, name, size, sha256 } = draft;
    const counts = [countedBytes(size, 0), countedBytes(size), fileLife({ size, have: 0 }, fileTtl)];
    const likeness = createHash("sha256").update(JSON.stringify([fold(owner), topic, name, size, sha256])).digest(
      "base64url",
    );
    const fields = ["owner", owner, "topic", topic, "name", name, "size", size, "sha256", sha256];
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const [id, until] = await this.#redis.run(
        "fileReserve",
        this.#keys.files(),
        [randomWord(26), fold(owner), likeness, ...counts, ...this.#room],
      ) as [string, string];
      if (id === "") return until as Full;
      const begin = async (expires: string): Promise<StoredFile> => {
        const have = await this.#redis.run("fileBegin", this.#both(id), [expires, ...fields]) as number;
        return { ...draft, id, have, expires: Number(expires) };
      };
      let begun = await begin(until);
      if (begun.have >= chunkCount(size)) {
        const [expires, full] = await this.#count(begun, begun.have);
        if (full) return full;
        if (expires !== undefined) begun = await begin(expires);
      }
      if (begun.have >= 0) return begun;
      await this.#free(id);
    }
    return "full_user"; // somebody begins and removes the same file in a loop
  }

  async find(id: string): Promise<StoredFile | undefined> {
    const [file, chunks] = this.#both(id);
    const [pairs, have] = await Promise.all([
      this.#redis.command("HGETALL", file),
      this.#redis.command("HLEN", chunks),
    ]);
    const { owner, topic, name, size, sha256, expires } = fromPairs(pairs);
    if (owner === undefined) return undefined;
    return {
      id,
      ...{ owner, name, sha256 },
      topic: topic as Topic,
      size: Number(size),
      have: Number(have),
      expires: Number(expires),
    };
  }

  async put(file: StoredFile, n: number, data: string): Promise<number | Full | undefined> {
    if (n !== file.have || n >= chunkCount(file.size)) return file.have;
    const [expires, full] = await this.#count(file, n + 1);
    if (full || expires === undefined) return full;
    const have = await this.#redis.run("filePut", this.#both(file.id), [n, data, expires]) as number;
    return have < 0 ? undefined : have;
  }

  async get(id: string, n: number): Promise<string | undefined> {
    return await this.#redis.command("HGET", this.#keys.chunks(id), String(n)) as string | null ?? undefined;
  }

  async remove(id: string): Promise<void> {
    await this.#redis.run("fileRemove", this.#both(id), [removalMs]);
    await this.#free(id);
  }

  async sweep(): Promise<void> {
    while (await this.#redis.run("fileSweep", this.#keys.files(), [sweepSize]) === sweepSize);
  }

  /**
   * Counts the bytes of a file's first so many chunks, if that was not done yet, and renews its place in the index.
   *
   * @returns when it expires, or behind that why there is no room; nothing where the index does not know it
   */
  async #count({ id, size }: StoredFile, have: number): Promise<[expires?: string, full?: Full]> {
    const life = fileLife({ size, have }, this.#limits.fileTtl);
    const counts = [id, countedBytes(size, have), life, ...this.#room];
    return await this.#redis.run("fileCount", this.#keys.files(), counts) as [string?, Full?];
  }

  /** How many bytes one user's files may have, how many percent of what others leave, and how many bytes all. */
  get #room(): [own: number, percent: number, all: number] {
    const { maxUserFilesBytes, maxUserFilesPercent, maxFilesBytes } = this.#limits;
    return [maxUserFilesBytes, maxUserFilesPercent, maxFilesBytes];
  }

  async #free(id: string): Promise<void> {
    await this.#redis.run("fileFree", this.#keys.files(), [id]);
  }

  #both(id: string): [string, string] {
    return [this.#keys.file(id), this.#keys.chunks(id)];
  }
}
