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
   * Adds a key, or notes that it is in use still. Where there are `most` others, the one that was announced longest ago
   * makes room.
   */
  announce(user: string, key: string, most: number): Promise<void>;
  /** Removes a key; removing one that is not there is no error. */
  revoke(user: string, key: string): Promise<void>;
  /** A user's keys, in the order in which they were added. */
  list(user: string): Promise<StoredKey[]>;
}
