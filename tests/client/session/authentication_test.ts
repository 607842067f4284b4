import assert from "node:assert/strict";
import { Authentication } from "../../../lib/client/session/authentication.ts";
import type { Request } from "../../../lib/client/net/connection.ts";
import { Route } from "../../../lib/client/net/route.ts";
import { ChatError, type ErrorCode } from "../../../lib/common/errors.ts";
import { FakeClock, test } from "../fakes.ts";

const login = { cmd: "login", user: "a", password: "1" };
const resume = { cmd: "resume", token: "t" };
const why = new Error("gone");

/** An authentication over a link that goes nowhere, with what was sent and the server that is tried now. */
function made() {
  const sent: Request[] = [];
  const servers = [{ host: "one", port: 1 }, { host: "two", port: 2 }];
  const route = new Route({ servers, clock: new FakeClock(), random: () => 1 });
  const request = (request?: Request) => void (request && sent.push(request));
  const authentication = new Authentication({ route, request, wake() {} });
  return { authentication, sent, route };
}

const granted = (request: Request) => ({ kind: "reply" as const, request, reply: { of: "login" as const } as never });
const refused = (request: Request, code: ErrorCode, extra = {}) => {
  return { kind: "refused" as const, request, error: new ChatError(code, "No", extra) };
};

test("Authentication.begin() resumes where something was lost, and else asks again for the login that waits", async () => {
  const { authentication, sent } = made();
  const answer = authentication.ask(login);
  authentication.begin(resume);
  assert.deepEqual([authentication.find(login), authentication.find(resume)], ["login", "resume"]);
  authentication.begin(undefined);
  assert.deepEqual(sent, [login, resume, login]);
  assert.deepEqual([authentication.find({ ...login }), authentication.find(resume)], [undefined, undefined]);
  assert.equal(authentication.answered(granted(login)), "granted");
  assert.equal((await answer).of, "login");
  assert.ok(authentication.granted && !authentication.wanted);
});

test("Authentication.answered() tells a resume that is to be tried again from one that is worth nothing", () => {
  const { authentication, route } = made();
  authentication.begin(resume);
  assert.equal(authentication.answered(refused(resume, "store_unavailable", { retry_after_ms: 70 })), "again");
  assert.deepEqual([route.server.host, route.pause()], ["two", 70]);
  authentication.begin(resume);
  assert.equal(authentication.answered(refused(resume, "invalid_credentials")), "refused");
  assert.equal(route.server.host, "two");
  assert.equal(authentication.granted, false);
});

test("Authentication.lost() tells what went with the connection, and whoever waits for a login", async () => {
  const { authentication, route } = made();
  assert.equal(authentication.lost(why, false), undefined);
  const answer = authentication.ask(login);
  assert.equal(authentication.lost(why, false), undefined);
  await assert.rejects(answer, why);
  authentication.begin(resume);
  assert.equal(authentication.lost(why, false), "resume");
  assert.equal(route.server.host, "two", "the next server is tried");
  authentication.begin(resume);
  authentication.answered(granted(resume));
  assert.equal(authentication.lost(why, false), "session");
  assert.equal(route.server.host, "two", "the same server is tried first");
  assert.equal(authentication.lost(why, true), undefined);
});

test("Authentication.failed() tells whoever waits once every server was tried", async () => {
  const { authentication, route } = made();
  const answer = authentication.ask(login);
  route.failed();
  authentication.failed(why);
  assert.ok(authentication.wanted);
  route.failed();
  authentication.failed(why);
  await assert.rejects(answer, why);
});

test("Authentication.close() tells whoever waits, and whoever asks afterwards", async () => {
  const { authentication, sent } = made();
  const before = authentication.ask(login);
  authentication.close(why);
  await assert.rejects(before, why);
  await assert.rejects(authentication.ask({ ...login }), why);
  assert.deepEqual(sent, [login]);
});
