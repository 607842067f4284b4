/** Why data of another release cannot be used: what stores throw when they are opened. */

/** Servers of an earlier release have the data, and do not know what this one would write. */
export class EarlierServersError extends Error {
  override readonly name = "EarlierServersError";

  /** @param servers their ids */
  constructor(readonly servers: readonly string[]) {
    super(`Redis is used by servers of an earlier release (${servers.join(", ")})`);
  }
}

/** A later release wrote the data. */
export class LaterSchemaError extends Error {
  override readonly name = "LaterSchemaError";

  /**
   * @param whose the data, in front of "schema": `its` for a file that is named beside
   * @param version the data's
   * @param known the latest that this release knows
   */
  constructor(whose: string, readonly version: number, known: number) {
    super(`${whose} schema is version ${version}; this release knows versions up to ${known}`);
  }
}
