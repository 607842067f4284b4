import { checkMaster, isSingle, RedisConnection } from "./redis_connection.ts";
import type { Answer, Master, RedisAddress, RedisTransport, RedisTransportEvents } from "./redis_transport.ts";

/** The way to one Redis, or to the one that the sentinels name: a connection for commands and one for channels. */
export class MasterTransport implements RedisTransport {
  readonly #commands: RedisConnection;
  readonly #channels: RedisConnection;
  readonly #heard = new Map<string, (message: string) => void>();

  #spansSlots = false;

  /** @param timeoutMs how long Redis may be silent */
  constructor(address: RedisAddress, timeoutMs: number, events: RedisTransportEvents) {
    const fault = (error: unknown) => events.fault(error);
    this.#commands = new RedisConnection(address, timeoutMs, {
      prepare: async (client) => {
        await checkMaster(client);
        this.#spansSlots = await isSingle(client);
      },
      back: () => events.back(),
      fault,
    });
    this.#channels = new RedisConnection(address, timeoutMs, {
      prepare: async (client) => {
        await checkMaster(client);
        const channels = [...this.#heard.keys()];
        await Promise.all(
          channels.map((channel) => client.sSubscribe(channel, (message) => this.#hear(channel, message))),
        );
      },
      back: () => events.interrupted(),
      fault,
    });
  }

  get ready(): boolean {
    return this.#commands.client !== undefined && this.#channels.client !== undefined;
  }

  get spansSlots(): boolean {
    return this.#spansSlots;
  }

  async open(): Promise<void> {
    await Promise.all([this.#commands.open(), this.#channels.open()]);
  }

  send(_key: string, args: readonly string[]): Promise<Answer> {
    const { client } = this.#commands;
    return client ? client.sendCommand<Answer>([...args]) : Promise.reject(new Error("it is not connected"));
  }

  async load(key: string, script: string): Promise<void> {
    await this.send(key, ["SCRIPT", "LOAD", script]);
  }

  masters(): Promise<readonly Master[]> {
    return Promise.resolve([{ name: "", send: (args) => this.send("", args) }]);
  }

  whereIs(): string {
    return "";
  }

  async listen(channel: string, hear: (message: string) => void): Promise<void> {
    const { client } = this.#channels;
    if (!client) throw new Error("it is not connected");
    this.#heard.set(channel, hear);
    try {
      await client.sSubscribe(channel, (message) => this.#hear(channel, message));
    } catch (error) {
      this.#heard.delete(channel);
      throw error;
    }
  }

  async ignore(channel: string): Promise<void> {
    this.#heard.delete(channel);
    await this.#channels.client?.sUnsubscribe(channel);
  }

  // deno-lint-ignore require-await
  async relisten(): Promise<void> {
    this.#channels.reset();
  }

  reconnect(): boolean {
    if (!this.#commands.client) return false;
    this.#commands.reset();
    this.#channels.reset();
    return true;
  }

  async close(): Promise<void> {
    await Promise.all([this.#commands.close(), this.#channels.close()]);
  }

  #hear(channel: string, message: string): void {
    // While the connection is being made again, listeners are still to be told that they may have missed something.
    if (this.#channels.client) this.#heard.get(channel)?.(message);
  }
}
