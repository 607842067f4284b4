/**
 * What a server does in Redis, as the least that its user must be permitted: documented, tried by the doctor, and what
 * the contract suite runs under.
 */

/** The names that commands are tried with. */
export interface TrialNames {
  trial(): string;
  trialChannel(): string;
}

/** Each command with arguments that do no harm: `key` is a key of nobody's, `channel` a channel. */
const commands: Readonly<Record<string, string>> = {
  "append": "key a",
  "asking": "",
  "bgrewriteaof": "",
  "cluster|slots": "",
  "del": "key",
  "evalsha": "0123456789012345678901234567890123456789 1 key",
  "exists": "key",
  "get": "key",
  "getrange": "key 0 0",
  "hdel": "key a",
  "hexists": "key a",
  "hget": "key a",
  "hgetall": "key",
  "hincrby": "key a 1",
  "hkeys": "key",
  "hlen": "key",
  "hmget": "key a",
  "hset": "key a 1",
  "info": "server",
  "persist": "key",
  "pexpire": "key 1000",
  "pexpireat": "key 1",
  "ping": "",
  "pttl": "key",
  "pubsub|shardnumsub": "channel",
  "rename": "key key",
  "role": "",
  "sadd": "key a",
  "scan": "0 COUNT 1",
  "scard": "key",
  "script|load": "return",
  "select": "0",
  "set": "key 1 PX 1000",
  "sismember": "key a",
  "smembers": "key",
  "spublish": "channel a",
  "srem": "key a",
  "ssubscribe": "channel",
  "strlen": "key",
  "sunsubscribe": "channel",
  "time": "",
  "xadd": "key NOMKSTREAM * a 1",
  "xlen": "key",
  "xrange": "key - + COUNT 1",
  "xrevrange": "key + - COUNT 1",
  "xtrim": "key MAXLEN 0",
  "zadd": "key XX 1 a",
  "zcard": "key",
  "zcount": "key 0 1",
  "zincrby": "key 1 a",
  "zrange": "key 0 0",
  "zrangebyscore": "key 0 1",
  "zrem": "key a",
  "zscore": "key a",
};

/** Those that only a connection for channels may be given, or that would change the connection. */
const untried: ReadonlySet<string> = new Set([
  "asking",
  "bgrewriteaof",
  "cluster|slots",
  "select",
  "ssubscribe",
  "sunsubscribe",
]);

/** The rules of `ACL SETUSER` for a server's user, beside its name and password. */
export function aclRules(prefix: string): string[] {
  return ["resetchannels", `~${prefix}*`, `&${prefix}*`, "-@all", ...Object.keys(commands).map((name) => `+${name}`)];
}

/** Commands that do no harm, to see whether each is permitted; what they write is gone after a second. */
export function trials(keys: TrialNames): readonly { readonly name: string; readonly args: readonly string[] }[] {
  const words: Readonly<Record<string, string>> = { key: keys.trial(), channel: keys.trialChannel() };
  return Object.entries(commands).filter(([name]) => !untried.has(name)).map(([name, rest]) => ({
    name: name.replace("|", " ").toUpperCase(),
    args: [...name.split("|"), ...rest.split(" ").filter((word) => word !== "")].map((word) => words[word] ?? word),
  }));
}
