/** One device's public key. */
export interface StoredKey {
  readonly public: string;
  /** When it was first announced, and last, in milliseconds since 1970. */
  readonly added: number;
  readonly used: number;
}

/**
 * The public keys of users' devices, which their clients announce: what private messages are encrypted for.
 *
 * To the store they are texts. It cannot read what is encrypted for them.
 */
export interface DeviceKeys {
  /**
   * Adds a key, or notes that it is in use still.
   *
   * @param most how many keys a user may have; one that is there may stay, even where there are more
   * @returns `full` where there are so many others: then nothing has changed
   */
  announce(user: string, key: string, most: number): Promise<"added" | "known" | "full">;
  /** @returns false where the key was not there */
  revoke(user: string, key: string): Promise<boolean>;
  /** A user's keys, in the order in which they were added. */
  list(user: string): Promise<StoredKey[]>;
}
