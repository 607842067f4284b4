import { ChatError } from "../../common/errors.ts";
import { cleanText } from "../../wire/clean.ts";
import { maxCount, maxIdLength, quote } from "../../wire/command.ts";
import { protocolVersion } from "../../wire/event.ts";
import { fileChunkBytes } from "../../wire/files.ts";
import { defineCommand } from "../registry/command.ts";
import { describe } from "../registry/registry.ts";

/** The longest name that a client may call itself by, in characters. */
const maxClientLength = 64;

/** What a client calls itself; empty where that is no text, or too long. */
function clientName(given: unknown): string {
  const name = typeof given === "string" ? cleanText(given) : "";
  return name.length <= maxClientLength ? name : "";
}

/** The connection itself: its format, signs of life, and help. */
export const connectionCommands = [
  defineCommand({
    name: "hello",
    arguments: [{ name: "options", kind: "text" }],
    who: "guest",
    help: 'choose the format, for programs: HELLO {"format":"json","version":1}',
    tokens: "always",
    run(_caller, { options }, { serverId, config }) {
      let wish: unknown;
      try {
        wish = JSON.parse(options);
      } catch {
        throw new ChatError("invalid_json", 'HELLO takes one JSON object: HELLO {"format":"json","version":1}');
      }
      const { format, version = protocolVersion, rooms, client } = Object(wish) as Record<string, unknown>;
      if (format !== "json" && format !== "text") {
        throw new ChatError("usage", `The format must be "text" or "json", not ${quote(format)}`);
      }
      // From here on the client is spoken to as it wished, if only to be told that its version is unknown.
      if (version !== protocolVersion) {
        const message = `This server speaks version ${protocolVersion}, not ${quote(version)}`;
        return { reply: new ChatError("usage", message, { versions: [protocolVersion] }), format };
      }
      const limits = {
        line_bytes: config.maxLineBytes,
        message_bytes: config.maxMessageBytes,
        history: maxCount,
        id_length: maxIdLength,
        file_bytes: config.maxFileBytes,
        file_chunk_bytes: fileChunkBytes,
        devices: config.maxDevices,
      };
      const formats = ["text", "json"] as const;
      const manyRooms = format === "json" && rooms === "many";
      const echo = manyRooms ? { rooms: "many" as const } : {};
      const reply = { of: "hello" as const, version: protocolVersion, server: serverId, formats, limits, ...echo };
      return { reply, format, manyRooms, client: format === "json" ? clientName(client) : "" };
    },
  }),
  defineCommand({
    name: "pong",
    who: "anyone",
    help: "answer a ping",
    tokens: "always",
    typed: false,
    run: () => ({ reply: { of: "pong" } }),
  }),
  defineCommand({
    name: "help",
    aliases: ["?"],
    arguments: [{ name: "command", kind: "command", optional: true }],
    who: "anyone",
    help: "list the commands, or explain one",
    tokens: "always",
    run({ format }, { command: name }, { commands }) {
      const bare = name?.replace(/^\//, "").toLowerCase();
      const chosen = commands.filter(({ name, aliases }) =>
        bare === undefined || name === bare || aliases.includes(bare)
      ).filter(({ typed }) => typed || format === "json");
      if (chosen.length === 0) {
        throw new ChatError("unknown_command", `There is no command ${quote(name!)}; /help lists them`);
      }
      return { reply: { of: "help", commands: chosen.map(describe) } };
    },
  }),
];
