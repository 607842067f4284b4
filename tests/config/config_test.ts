/** What the options promise: precedence, ranges, errors of one line that give no password away, and documents that follow. */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Config,
  ConfigError,
  helpText,
  loadConfig,
  markdownTable,
  options,
  readDotenv,
  type Sources,
  takeLive,
  withMarkdownTable,
} from "../../lib/config/config.ts";

const canRead = Deno.permissions.querySync({ name: "read" }).state === "granted";
const canWrite = Deno.permissions.querySync({ name: "write" }).state === "granted";

function test(name: string, fn: () => void, needs = true): void {
  Deno.test({
    name: needs ? name : `${name} (ignored: needs --allow-read and --allow-write)`,
    ignore: !needs,
    sanitizeOps: true,
    sanitizeResources: true,
    fn,
  });
}

function load(sources: Partial<Sources>): Config {
  const loaded = loadConfig({ args: [], env: {}, ...sources });
  assert(loaded.kind === "config");
  return loaded.config;
}

/** The one line of the error that the sources lead to. */
function refusal(sources: Partial<Sources>): string {
  try {
    load(sources);
  } catch (error) {
    assert(error instanceof ConfigError, String(error));
    assert.doesNotMatch(error.message, /[\p{Cc}\u2028\u2029]/u);
    return error.message;
  }
  assert.fail("nothing was refused");
}

test("loadConfig() without any source gives the documented defaults", () => {
  assert.deepEqual(load({}), {
    serverPort: 8000,
    serverHost: "0.0.0.0",
    serverId: undefined,
    workers: 1,
    rooms: ["lobby"],
    followRoomMessages: false,
    discovery: false,
    discoveryGroup: "224.1.1.1",
    discoveryPort: 12348,
    drainSeconds: 8,
    startPatienceSeconds: 30,
    registration: "open",
    demoAccounts: false,
    duplicateLogin: "force",
    bcryptCost: 12,
    bcryptConcurrency: 2,
    redisUrl: undefined,
    redisHost: undefined,
    redisPort: 6379,
    redisDb: 0,
    redisUsername: undefined,
    redisPassword: undefined,
    redisPasswordFile: undefined,
    redisTls: false,
    redisCaFile: undefined,
    redisSentinelUsername: undefined,
    redisSentinelPassword: undefined,
    redisSentinelPasswordFile: undefined,
    redisSentinels: undefined,
    redisMasterName: "mymaster",
    redisClusterNodes: undefined,
    redisPrefix: "chat:",
    storeTimeoutMs: 2000,
    dataDir: "data",
    durability: "normal",
    certFile: "certs/cert.pem",
    keyFile: "certs/key.pem",
    historyMaxMessages: 10_000,
    deleteOwnSeconds: Infinity,
    historyMaxAge: 90 * 24 * 3600 * 1000,
    maxInbox: 1000,
    messageBytesPerDayPerUser: 67108864,
    maxInboxPerSender: 100,
    maxFileBytes: 16_777_216,
    maxUserFilesBytes: 67_108_864,
    maxUserFilesPercent: 25,
    maxFilesBytes: 268_435_456,
    fileTtl: 7 * 24 * 3600 * 1000,
    activeTtlSeconds: 15,
    adminHost: "127.0.0.1",
    adminPort: undefined,
    auditLog: "off",
    heartbeatIntervalSeconds: 5,
    handshakeTimeoutSeconds: 10,
    idleTimeoutSeconds: 120,
    maxConnections: 10_000,
    maxConnectionsPerIp: 1000,
    maxConnectionsPerUser: 32,
    maxDevices: 16,
    maxHandshakes: 2000,
    maxLineBytes: 8192,
    maxMessageBytes: 4096,
    maxQueueBytes: 1_048_576,
    maxFollows: 1000,
    maxRooms: 10000,
    maxRoomsPerUser: 200,
    roomsPerHourPerUser: 30,
    rateLimit: true,
    loginFailuresPerMinutePerAddress: 60,
    loginsPerMinutePerAccount: 60,
    loginsPerMinutePerAddress: 600,
    loginFailuresPerMinutePerAccount: 10,
    registrationsPerHourPerAddress: 200,
    messagesPerSecond: 100,
    joinsPerMinute: 120,
    logLevel: "info",
    logFormat: "auto",
  });
});

test("Config types each value by its option", () => {
  const config = load({});
  const port: number = config.serverPort;
  const policy: "force" | "reject" | "share" = config.duplicateLogin;
  // @ts-expect-error an option without a default may be missing
  const url: string = config.redisUrl;
  // @ts-expect-error the values are read-only
  const change = () => void (config.serverPort = 1);
  assert.deepEqual([port, policy, url, typeof change], [8000, "force", undefined, "function"]);
});

test("loadConfig() lets a flag beat the environment, that beat .env, that beat the default", () => {
  const dotenv = 'SERVER_PORT=3\nLOG_LEVEL="debug" # more\nexport MAX_INBOX=7\nSOMETHING_ELSE=1\n';
  const env = { SERVER_PORT: "2", LOG_FORMAT: "json" };
  const all = load({ args: ["--server-port=1"], env, dotenv });
  assert.deepEqual([all.serverPort, all.logLevel, all.logFormat, all.maxInbox], [1, "debug", "json", 7]);
  assert.equal(load({ env, dotenv }).serverPort, 2);
  assert.equal(load({ dotenv }).serverPort, 3);
});

test("loadConfig() takes an empty variable as not given, and an empty flag as the default", () => {
  assert.equal(load({ env: { SERVER_PORT: "", REDIS_HOST: "  " }, dotenv: "SERVER_PORT=9" }).serverPort, 9);
  assert.equal(load({ env: { REDIS_HOST: " " } }).redisHost, undefined);
  assert.equal(load({ args: ["--redis-host="], env: { REDIS_HOST: "redis" } }).redisHost, undefined);
  assert.equal(load({ args: ["--server-port", ""], env: { SERVER_PORT: "9" } }).serverPort, 8000);
});

test("loadConfig() reads flags with a space, with =, alone where they are switches, and takes the last of two", () => {
  assert.equal(load({ args: ["--server-port", "9"] }).serverPort, 9);
  assert.equal(load({ args: ["--demo-accounts"] }).demoAccounts, true);
  assert.equal(load({ args: ["--demo-accounts=no"], env: { DEMO_ACCOUNTS: "1" } }).demoAccounts, false);
  assert.equal(load({ args: ["--rate-limit", "off"] }).rateLimit, false);
  const mixed = load({ args: ["--demo-accounts", "--server-port", "9", "--server-port=10"] });
  assert.deepEqual([mixed.demoAccounts, mixed.serverPort], [true, 10]);
});

test("loadConfig() reads each kind of value", () => {
  const { rooms } = load({ env: { ROOMS: "General, dev.ops,general,a#1" } });
  assert.deepEqual(rooms, ["lobby", "general", "dev.ops", "a#1"]);
  for (const [text, ms] of [["45s", 45_000], ["30m", 1_800_000], ["12H", 43_200_000], ["off", Infinity]] as const) {
    assert.equal(load({ env: { HISTORY_MAX_AGE: text } }).historyMaxAge, ms);
  }
  assert.equal(load({ env: { ACTIVE_TTL_SECONDS: "0.5", HEARTBEAT_INTERVAL_SECONDS: "0.2" } }).activeTtlSeconds, 0.5);
  assert.equal(load({ env: { SERVER_PORT: "0" } }).serverPort, 0);
  assert.equal(load({ env: { LOG_LEVEL: "WARN" } }).logLevel, "warn");
  for (const text of ["true", "1", "Yes", "on"]) assert(load({ env: { DEMO_ACCOUNTS: text } }).demoAccounts);
  for (const text of ["false", "0", "no", "OFF"]) assert(!load({ env: { DEMO_ACCOUNTS: text } }).demoAccounts);
  for (const redisUrl of ["redis://h", "rediss://u:p%40ss@h:1/3", "redis://:p@[::1]:6379/"]) {
    assert.equal(load({ env: { REDIS_URL: redisUrl } }).redisUrl, redisUrl);
  }
});

test("loadConfig() names the option, where it stood, what it was and what is allowed", () => {
  assert.equal(
    refusal({ env: { SERVER_PORT: "80a" } }),
    'SERVER_PORT is "80a"; allowed: a whole number from 0 to 65535',
  );
  assert.equal(
    refusal({ args: ["--duplicate-login", "both"] }),
    '--duplicate-login is "both"; allowed: force, reject or share',
  );
  assert.equal(
    refusal({ dotenv: "LOG_LEVEL=loud" }),
    'LOG_LEVEL in .env is "loud"; allowed: debug, info, warn or error',
  );
});

test("loadConfig() refuses what is out of range or not of its kind", () => {
  const bad: readonly (readonly [keyof typeof options, readonly string[]])[] = [
    ["SERVER_PORT", ["-1", "65536", "1.5", "0x10", "1e3", "٣"]],
    ["MAX_DEVICES", ["0", "17", "all"]],
    ["SERVER_HOST", ["a b", "http://x", "a..b", "[::]"]],
    ["SERVER_ID", ["a b", "é", "x".repeat(33)]],
    ["WORKERS", ["0", "257", "1.5", "all"]],
    ["ROOMS", ["a,,b", "#a", "a b", ".a"]],
    ["BCRYPT_COST", ["3", "17"]],
    ["BCRYPT_CONCURRENCY", ["0", "65"]],
    ["DEMO_ACCOUNTS", ["maybe", "2"]],
    ["REDIS_URL", [
      "redis:///1",
      "redis://h/x",
      "redis://h?a=b",
      "localhost:6379",
      "redis://h:99999",
      "redis://h h",
      "redis://h\ti",
    ]],
    ["REDIS_PREFIX", ["a{b}", "a*"]],
    ["HISTORY_MAX_MESSAGES", ["0", "off"]],
    ["HISTORY_MAX_AGE", ["90", "0s", "1w", "d", "-1d", "9".repeat(400) + "d"]],
    ["MAX_LINE_BYTES", ["511"]],
    ["ACTIVE_TTL_SECONDS", ["0", "", " .5", "1."].filter(Boolean)],
  ];
  for (const [name, values] of bad) {
    for (const value of values) assert.match(refusal({ env: { [name]: value } }), new RegExp(`^${name} is .*allowed:`));
  }
});

test("loadConfig() refuses unknown flags, stray arguments and flags without their value", () => {
  assert.equal(refusal({ args: ["--sever-port=1"] }), 'Unknown flag "--sever-port"; did you mean --server-port?');
  assert.match(refusal({ args: ["-x"] }), /^Unknown flag "-x"/);
  assert.match(refusal({ args: ["--no-rate-limit"] }), /^Unknown flag/);
  assert.match(refusal({ args: ["9000"] }), /^Unexpected argument "9000"/);
  assert.match(refusal({ args: ["--demo-accounts", "maybe"] }), /^Unexpected argument "maybe"/);
  assert.equal(
    refusal({ args: ["--server-port"] }),
    "--server-port is given without a value; allowed: a whole number from 0 to 65535",
  );
  assert.match(refusal({ args: ["--server-host", "--demo-accounts"] }), /^--server-host is given without a value/);
});

test("loadConfig() refuses values that do not go together", () => {
  assert.equal(
    refusal({ env: { HEARTBEAT_INTERVAL_SECONDS: "8" } }),
    "HEARTBEAT_INTERVAL_SECONDS is 8; allowed: at most half of ACTIVE_TTL_SECONDS, which is 15",
  );
  assert.equal(load({ env: { HEARTBEAT_INTERVAL_SECONDS: "7.5" } }).heartbeatIntervalSeconds, 7.5);
  assert.match(refusal({ env: { MAX_LINE_BYTES: "4096" } }), /^MAX_MESSAGE_BYTES is 4096; allowed: less than/);
  assert.match(refusal({ env: { MAX_QUEUE_BYTES: "8191" } }), /^MAX_QUEUE_BYTES is 8191; allowed: at least/);
  assert.equal(refusal({ env: { CERT_FILE: "c" } }), "CERT_FILE is given without KEY_FILE; allowed: both or neither");
  assert.match(refusal({ args: ["--key-file=k"] }), /^KEY_FILE is given without CERT_FILE/);
  assert.equal(load({ env: { CERT_FILE: "c" }, dotenv: "KEY_FILE=k" }).keyFile, "k");
});

test("loadConfig() never shows a password, in whichever option or form it was given", () => {
  const secret = "hunter2";
  const forms = [
    `http://user:${secret}@host:1/2`,
    `redis://user:${secret}@host/x`,
    `redis://user:${secret}/@host/x`,
    `redis://:${secret}`,
    `redis://host:${secret}`,
    `redis://host?password=${secret}`,
    `redis:${secret}@host`,
    `user:${secret}@host:6379`,
    `redis://user:1/${secret}@host`,
    `redis://user:a?${secret}@host`,
    `redis://user:#${secret}`,
    `${secret}`,
    `redis://user:pass@host ${secret}`,
  ];
  for (const form of forms) {
    assert(!refusal({ env: { REDIS_URL: form } }).includes(secret), form);
    assert(!refusal({ args: [`--redis-url=${form}`] }).includes(secret), form);
    assert(!refusal({ args: [`--redis-ulr=${form}`] }).includes(secret), form);
    assert(!refusal({ args: ["--redis-ulr", form] }).includes(secret), form);
    assert(!refusal({ dotenv: `REDIS_URL='${form}'` }).includes(secret), form);
    if (form === secret) continue;
    assert(!refusal({ env: { REDIS_HOST: form } }).includes(secret), form);
    if (/@|\/\//.test(form)) assert(!refusal({ args: [form] }).includes(secret), form);
  }
  assert.match(refusal({ env: { REDIS_URL: forms[0] } }), /^REDIS_URL is "http:\/\/\*\*\*@host:1\/2"; allowed: redis:/);
});

test("loadConfig() answers any text with a value or with one line", () => {
  const names = fc.constantFrom(...Object.keys(options));
  fc.assert(fc.property(names, fc.string({ unit: "binary" }), (name, value) => {
    try {
      load({ env: { [name]: value } });
    } catch (error) {
      assert(error instanceof ConfigError, String(error));
      assert.doesNotMatch(error.message, /[\p{Cc}\u2028\u2029]/u);
      assert(error.message.length < 400);
    }
  }));
});

test("loadConfig() answers any command line with values, help or one line", () => {
  const flags = Object.keys(options).map((name) => `--${name.toLowerCase().replaceAll("_", "-")}`);
  const arg = fc.oneof(fc.constantFrom(...flags, "--", "-", "-h", "on", "1", "--x="), fc.string());
  fc.assert(fc.property(fc.array(arg, { maxLength: 6 }), (args) => {
    try {
      loadConfig({ args, env: {} });
    } catch (error) {
      assert(error instanceof ConfigError, String(error));
    }
  }));
});

test("loadConfig() reads back every whole number of a range", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 65_535 }), (port) => {
    assert.equal(load({ env: { SERVER_PORT: String(port) } }).serverPort, port);
  }));
});

test("loadConfig() answers --help and -h with the text, whatever else is wrong", () => {
  for (const args of [["--help"], ["-h"], ["--nonsense", "--help"], ["--server-port=x", "-h"]]) {
    assert.deepEqual(loadConfig({ args, env: {} }), { kind: "help", text: helpText() });
  }
});

test("helpText() and markdownTable() hold every option with its default and what is allowed", () => {
  const [help, table] = [helpText(), markdownTable()];
  for (const [name, option] of Object.entries(options)) {
    const flag = `--${name.toLowerCase().replaceAll("_", "-")}`;
    assert(help.includes(`  ${flag}`), name);
    assert(help.includes(`${name}, default ${option.default ?? "none"}; allowed: ${option.kind.allowed}`), name);
    assert(table.includes(`| \`${name}\``), name);
    assert(!option.doc.includes("\n") && !option.doc.endsWith("."), name);
  }
  assert(table.startsWith("<!-- options -->\n") && table.endsWith("\n<!-- /options -->"));
});

test("withMarkdownTable() replaces what stands between the markers and nothing else", () => {
  const before = "# x\n\n<!-- options -->\nold\n<!-- /options -->\n\nafter\n";
  const after = withMarkdownTable(before);
  assert.equal(after, `# x\n\n${markdownTable()}\n\nafter\n`);
  assert.equal(withMarkdownTable(after), after);
  assert.throws(() => withMarkdownTable("# x"), RangeError);
});

test("readDotenv() gives the text, or undefined where there is no file", () => {
  const folder = Deno.makeTempDirSync();
  try {
    assert.equal(readDotenv(`${folder}/.env`), undefined);
    Deno.writeTextFileSync(`${folder}/.env`, "SERVER_PORT=9\n");
    assert.equal(load({ dotenv: readDotenv(`${folder}/.env`) }).serverPort, 9);
    assert.throws(() => readDotenv(folder), ConfigError);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}, canRead && canWrite);

test("loadConfig() reads addresses of sentinels and cluster nodes, IPv6 in brackets", () => {
  assert.deepEqual(load({ env: { REDIS_SENTINELS: "one:26379, [::1]:26380" } }).redisSentinels, [
    { host: "one", port: 26379 },
    { host: "::1", port: 26380 },
  ]);
  for (const bad of ["one", "one:0", "one:65536", ":1", "one:1,", "::1:26379"]) {
    assert.throws(() => load({ env: { REDIS_CLUSTER_NODES: bad } }), /REDIS_CLUSTER_NODES .*host:port with commas/);
  }
  assert.throws(() => load({ env: { REDIS_CLUSTER_NODES: "a:1", REDIS_SENTINELS: "b:1" } }), /allowed: one of them/);
  const file = { REDIS_CA_FILE: "ca.pem" };
  assert.throws(
    () => load({ env: { ...file, REDIS_URL: "redis://a" } }),
    /^ConfigError: REDIS_CA_FILE is given without TLS/,
  );
  assert.equal(load({ env: { ...file, REDIS_URL: "rediss://a" } }).redisCaFile, "ca.pem");
  assert.equal(load({ env: { ...file, REDIS_HOST: "a", REDIS_TLS: "on" } }).redisTls, true);
  assert.throws(
    () => load({ env: { ...file, REDIS_URL: "rediss://a", REDIS_SENTINELS: "b:1" } }),
    /^ConfigError: REDIS_CA_FILE is given without TLS/,
  );
  assert.throws(
    () => load({ env: { REDIS_HOST: "a", REDIS_SENTINEL_PASSWORD: "x" } }),
    /^ConfigError: REDIS_SENTINEL_PASSWORD is given without REDIS_SENTINELS; allowed: both$/,
  );
  assert.throws(() => load({ env: { REDIS_CLUSTER_NODES: "a:1", REDIS_DB: "2" } }), /a Redis Cluster has no other/);
});

test("takeLive() takes what may change into the configuration that is in use, and names the rest", () => {
  const config = load({});
  const next = load({ env: { ROOMS: "ops", LOG_LEVEL: "debug", SERVER_PORT: "9000", REDIS_HOST: "elsewhere" } });
  assert.deepEqual(takeLive(config, next), { taken: ["ROOMS", "LOG_LEVEL"], atRestart: ["SERVER_PORT", "REDIS_HOST"] });
  assert.deepEqual([config.rooms, config.logLevel, config.serverPort], [["lobby", "ops"], "debug", 8000]);
  assert.deepEqual(takeLive(config, next).taken, []);
});
