/** Eve, who has several devices. */

import type { ClaimRequest, ClaimResult, Session } from "../../lib/store/sessions.ts";
import type { TestStore } from "../support/stores.ts";
import { claim, login } from "./suite.ts";

/** Claims a session of eve's on a device, beside her others; its first token is the device's name, or `none`. */
export function onDevice(store: TestStore, device: string, more: Partial<ClaimRequest> = {}): Promise<ClaimResult> {
  return claim(store, "eve", { device, policy: "share", tokenHash: device || "none", ...more });
}

/** The sessions of eve's devices, logged in one after the other. */
export async function share(store: TestStore, ...devices: string[]): Promise<Session[]> {
  const sessions = [];
  for (const device of devices) {
    sessions.push(await login(store, "eve", { device, policy: "share", tokenHash: device || "none" }));
  }
  return sessions;
}

/** The names of eve's devices that have a session. */
export async function names(store: TestStore): Promise<string[]> {
  return (await store.sessions.devices("EVE")).map(({ device }) => device);
}

/** Has a session of eve's say something in a room. */
export async function say(store: TestStore, session: Session, room = "lobby"): Promise<string> {
  return (await store.topics.publish(`room:${room}`, { from: "eve", text: "hi" }, session)).kind;
}
