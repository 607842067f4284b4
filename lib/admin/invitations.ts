import { hashInvitation, invitationId, makeInvitationCode } from "../auth/invitation_code.ts";
import type { Invitation } from "../store/accounts/invitations.ts";
import type { Store } from "../store/store.ts";
import { AdminError, type Given } from "./given.ts";

const dayMs = 86_400_000;

/** For how many days an invitation is good where nothing else is said, and at most. */
const [usualDays, mostDays] = [7, 365];

/** What an operator can have done about invitations; see `operations`. */
export const invitationOperations = {
  async *"invitations new"({ invitations }: Store, { by, days }: Given) {
    const life = days === undefined ? usualDays : Number(days);
    if (!(life > 0 && life <= mostDays)) throw new AdminError(`days is a number above 0, up to ${mostDays}`);
    const code = makeInvitationCode();
    const hash = await hashInvitation(code);
    const created = Date.now();
    const expires = Math.round(created + life * dayMs);
    await invitations.add({ hash, maker: typeof by === "string" ? by : "", created, expires });
    // The one time that the code is seen.
    yield { code, id: invitationId(hash), expires: new Date(expires).toISOString() };
  },

  async *"invitations list"({ invitations }: Store) {
    for (const invitation of await invitations.list()) {
      const { hash, maker, created, expires, user } = invitation;
      yield {
        id: invitationId(hash),
        state: stateOf(invitation),
        maker,
        created: new Date(created).toISOString(),
        expires: new Date(expires).toISOString(),
        user: user ?? null,
      };
    }
  },

  async *"invitations revoke"({ invitations }: Store, { invitation }: Given) {
    const found = await find(await invitations.list(), `${invitation}`);
    if (!found) throw new AdminError("There is no invitation of that id or code; invitations list shows the ids");
    const id = invitationId(found.hash);
    if (!await invitations.revoke(found.hash)) throw new AdminError(`The invitation ${id} is used`);
    yield { done: `revoked the invitation ${id}` };
  },
};

async function find(all: readonly Invitation[], named: string): Promise<Invitation | undefined> {
  const hash = await hashInvitation(named);
  return all.find((invitation) => invitation.hash === hash || invitationId(invitation.hash) === named.toLowerCase());
}

function stateOf({ expires, user }: Invitation): "used" | "over" | "open" {
  if (user !== undefined) return "used";
  return expires <= Date.now() ? "over" : "open";
}
