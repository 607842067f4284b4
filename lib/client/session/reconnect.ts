import { formatServer } from "../base/address.ts";
import { type LocalCommand, misused } from "./local_commands.ts";
import type { Session } from "./session.ts";

/** `/reconnect`: tries at once, where the next attempt is waited for. */
export function reconnectCommand(session: Pick<Session, "server" | "retry">): LocalCommand {
  const reconnect: LocalCommand = {
    name: "reconnect",
    usage: "/reconnect",
    help: "try at once to connect again, while the connection is lost (also Enter on an empty line)",
    run(typed, tell) {
      if (typed !== "") throw misused(reconnect);
      const { server } = session;
      if (server) tell.note(`You are connected to ${formatServer(server.address)}`);
      else session.retry();
    },
  };
  return reconnect;
}
