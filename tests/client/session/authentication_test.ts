import assert from "node:assert/strict";
import { Authentication } from "../../../lib/client/session/authentication.ts";
import type { Request } from "../../../lib/client/net/connection.ts";
import { Route } from "../../../lib/client/net/route.ts";
import { ChatError, type ErrorCode } from "../../../lib/common/errors.ts";
import { FakeClock, test } from "../fakes.ts";

const login = { cmd: "login", user: "a", password: "1" };
const resume = { cmd: "resume", token: "t" };
const why = new Error("gone");

/** An admission over a link that goes nowhere, with what was sent and the server that is tried now. */
function made() {
  const sent: Request[] = [];
  const servers = [{ host: "one", port: 1 }, { host: "two", port: 2 }];
  const route = new Route({ servers, clock: new FakeClock(), random: () => 1 });
  const request = (request?: Request) => void (request && sent.push(request));
  const admission = new Authentication({ route, request, wake() {} });
  return { admission, sent, route };
}

const granted = (request: Request) => ({ kind: "reply" as const, request, reply: { of: "login" as const } as never });
const refused = (request: Request, code: ErrorCode, extra = {}) => {
  return { kind: "refused" as const, request, error: new ChatError(code, "No", extra) };
};

test("Authentication.begin() resumes where something was lost, and else asks again for the login that waits", async () => {
  const { admission, sent } = made();
  const answer = admission.ask(login);
  admission.begin(resume);
  assert.deepEqual([admission.find(login), admission.find(resume)], ["login", "resume"]);
  admission.begin(undefined);
  assert.deepEqual(sent, [login, resume, login]);
  assert.deepEqual([admission.find({ ...login }), admission.find(resume)], [undefined, undefined]);
  assert.equal(admission.answered(granted(login)), "granted");
  assert.equal((await answer).of, "login");
  assert.ok(admission.granted && !admission.wanted);
});

test("Authentication.answered() tells a resume that is to be tried again from one that is worth nothing", () => {
  const { admission, route } = made();
  admission.begin(resume);
  assert.equal(admission.answered(refused(resume, "store_unavailable", { retry_after_ms: 70 })), "again");
  assert.deepEqual([route.server.host, route.pause()], ["two", 70]);
  admission.begin(resume);
  assert.equal(admission.answered(refused(resume, "invalid_credentials")), "refused");
  assert.equal(route.server.host, "two");
  assert.equal(admission.granted, false);
});

test("Authentication.lost() tells what went with the connection, and whoever waits for a login", async () => {
  const { admission, route } = made();
  assert.equal(admission.lost(why, false), undefined);
  const answer = admission.ask(login);
  assert.equal(admission.lost(why, false), undefined);
  await assert.rejects(answer, why);
  admission.begin(resume);
  assert.equal(admission.lost(why, false), "resume");
  assert.equal(route.server.host, "two", "the next server is tried");
  admission.begin(resume);
  admission.answered(granted(resume));
  assert.equal(admission.lost(why, false), "session");
  assert.equal(route.server.host, "two", "the same server is tried first");
  assert.equal(admission.lost(why, true), undefined);
});

test("Authentication.failed() tells whoever waits once every server was tried", async () => {
  const { admission, route } = made();
  const answer = admission.ask(login);
  route.failed();
  admission.failed(why);
  assert.ok(admission.wanted);
  route.failed();
  admission.failed(why);
  await assert.rejects(answer, why);
});

test("Authentication.close() tells whoever waits, and whoever asks afterwards", async () => {
  const { admission, sent } = made();
  const before = admission.ask(login);
  admission.close(why);
  await assert.rejects(before, why);
  await assert.rejects(admission.ask({ ...login }), why);
  assert.deepEqual(sent, [login]);
});
