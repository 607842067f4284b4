/**
 * The least that a chat server in Deno can be: `Deno.listenTls`, a loop for each connection, and a map of rooms. No accounts,
 * no log, no limits, no store. What ours costs is told beside it, so that the figure holds on any machine.
 *
 * Arguments: the certificate's file and the key's. It says that it is ready, and on which port, as ours does.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const rooms = new Map<string, Set<Deno.TlsConn>>();

const [certFile, keyFile] = Deno.args;
const listener = Deno.listenTls({
  hostname: "127.0.0.1",
  port: 0,
  cert: Deno.readTextFileSync(certFile),
  key: Deno.readTextFileSync(keyFile),
});
console.log(JSON.stringify({ message: "server_ready", properties: { port: (listener.addr as Deno.NetAddr).port } }));
for await (const conn of listener) serve(conn).catch(() => {});

async function serve(conn: Deno.TlsConn): Promise<void> {
  const buffer = new Uint8Array(4_096);
  let [rest, user, room] = ["", "", new Set<Deno.TlsConn>()];
  const take = async (line: string) => {
    const [verb, name] = line.split(" ");
    if (verb === "REGISTER") {
      user = name;
      await conn.write(encoder.encode("Login successful\n"));
    } else if (verb === "/join") {
      room = rooms.get(name) ?? new Set();
      rooms.set(name, room.add(conn));
      await conn.write(encoder.encode(`Joined room ${name}\n`));
    } else {
      const bytes = encoder.encode(`${user}: ${line}\n`);
      for (const member of room) member.write(bytes).catch(() => room.delete(member));
    }
  };
  for (let count; (count = await conn.read(buffer)) !== null;) {
    const lines = (rest + decoder.decode(buffer.subarray(0, count))).split("\n");
    rest = lines.pop()!;
    for (const line of lines) await take(line);
  }
}
