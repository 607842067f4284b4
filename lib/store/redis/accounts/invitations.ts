import { inSlices } from "../../../common/slices.ts";
import type { Account } from "../../accounts.ts";
import { type Accepted, type Invitation, invitationMemoryMs, type Invitations } from "../../accounts/invitations.ts";
import { randomWord } from "../../log_position.ts";
import { accountFields } from "../accounts.ts";
import type { RedisGateway } from "../gateway.ts";
import { fromPairs, type Keys } from "../keys.ts";

/** How many are asked for in one turn. */
const atOnce = 500;

/** For how long an attempt has its invitation to itself, in milliseconds: none that works takes as long. */
const graceMs = 10_000;

/** For how long an attempt may make its account, and how long it is remembered that it is void, in milliseconds. */
const [attemptLifeMs, voidLifeMs] = [600_000, 3_600_000];

/**
 * Invitations in Redis. The promises are those of {@linkcode Invitations}.
 *
 * An invitation and an account are in two slots, so that no script has both. An account is made in three steps: an
 * attempt claims the invitation, makes the account, and says so at the invitation.
 *
 * 1. An invitation is claimed by one attempt at a time.
 * 2. Who finds it claimed for a while voids that attempt first, in the account's slot: there the attempt has made its
 *    account, and the invitation is used, or it never will. So an attempt that was cut off holds it up for moments.
 * 3. An attempt that is so old that nobody may remember that it is void makes no account.
 */
export class RedisInvitations implements Invitations {
  readonly #redis: RedisGateway;
  readonly #keys: Keys;

  constructor(redis: RedisGateway, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  async add({ hash, maker, created, expires, user }: Invitation): Promise<boolean> {
    const fields = ["maker", maker, "created", created, "expires", expires];
    const used = user === undefined ? [] : ["user", user, "used", "1"];
    const added = await this.#redis.run("invitationAdd", [this.#keys.invitation(hash)], [
      expires + invitationMemoryMs,
      ...fields,
      ...used,
    ]);
    return added === 1;
  }

  async isGood(hash: string): Promise<boolean> {
    const key = this.#keys.invitation(hash);
    const [invitation, now] = await Promise.all([this.#find(hash), this.#redis.time(key)]);
    return invitation !== undefined && invitation.user === undefined && invitation.expires > now;
  }

  async accept(hash: string, account: Account): Promise<Accepted> {
    const attempt = randomWord(16);
    const since = await this.#claim(hash, attempt, account.name);
    if (since === undefined) return "invalid";
    const fields = [...accountFields(account), "invitation", hash, "attempt", attempt];
    const { account: key, voided } = this.#keys;
    const keys = [key(account.name), voided(account.name, attempt)];
    const accepted = await this.#redis.run("createInvited", keys, [since, attemptLifeMs, ...fields]) as Accepted;
    if (accepted !== "invalid") await this.#settle(hash, attempt, accepted === "created" ? "used" : "free");
    return accepted;
  }

  /** @returns since when the attempt has it, by the store's clock; undefined where it cannot be had */
  async #claim(hash: string, attempt: string, user: string): Promise<string | undefined> {
    const claim = async (voided: string) => {
      const args = [voided, attempt, user, graceMs];
      return await this.#redis.run("invitationClaim", [this.#keys.invitation(hash)], args) as string[];
    };
    let [state, value, holder] = await claim("");
    if (state === "held" && !await this.#isUsed(hash, value!, holder!)) [state, value, holder] = await claim(value!);
    return state === "claimed" ? value : undefined;
  }

  /** Whether an attempt has made its account; else it never will from now on. */
  async #isUsed(hash: string, attempt: string, user: string): Promise<boolean> {
    if (attempt === "") return false;
    const { account, voided } = this.#keys;
    const keys = [account(user), voided(user, attempt)];
    if (await this.#redis.run("invitationVoid", keys, [hash, attempt, voidLifeMs]) === 0) return false;
    await this.#settle(hash, attempt, "used");
    return true;
  }

  async #settle(hash: string, attempt: string, as: "used" | "free" | "remove"): Promise<boolean> {
    return await this.#redis.run("invitationSettle", [this.#keys.invitation(hash)], [attempt, as]) === 1;
  }

  async list(): Promise<Invitation[]> {
    const hashes = new Set<string>();
    for await (const keys of this.#redis.keys(this.#keys.allInvitations())) {
      for (const key of keys) hashes.add(this.#keys.tagOf(key).slice("invitation:".length));
    }
    const found = await inSlices([...hashes], atOnce, (hash) => this.#find(hash));
    return found.filter((one) => one !== undefined).sort((a, b) => b.created - a.created || (a.hash < b.hash ? -1 : 1));
  }

  async revoke(hash: string): Promise<boolean> {
    const [attempt, user] = await this.#redis.command("HMGET", this.#keys.invitation(hash), "attempt", "user") as (
      | string
      | null
    )[];
    if (await this.#isUsed(hash, attempt ?? "", user ?? "")) return false;
    return await this.#settle(hash, attempt ?? "", "remove");
  }

  /** Its user is told where it is used, also where the attempt was cut off before it said so. */
  async #find(hash: string): Promise<Invitation | undefined> {
    const fields = fromPairs(await this.#redis.command("HGETALL", this.#keys.invitation(hash)));
    const { maker, created, expires, user, attempt, used } = fields;
    if (maker === undefined) return undefined;
    const isUsed = used !== undefined || attempt !== undefined && await this.#hasMade(user!, hash, attempt);
    const invitation = { hash, maker, created: Number(created), expires: Number(expires) };
    return isUsed ? { ...invitation, user: user! } : invitation;
  }

  async #hasMade(user: string, hash: string, attempt: string): Promise<boolean> {
    const made = await this.#redis.command("HMGET", this.#keys.account(user), "invitation", "attempt") as unknown[];
    return made[0] === hash && made[1] === attempt;
  }
}
