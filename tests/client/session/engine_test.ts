import assert from "node:assert/strict";
import type { Request } from "../../../lib/client/net/connection.ts";
import { Engine, type EnginePolicy, type EnginePort } from "../../../lib/client/session/engine.ts";
import type { ServerEvent } from "../../../lib/wire/event.ts";
import { FakeClock, FakeServers, type Peer, Recorder, settled, soon, test } from "../fakes.ts";
import { rejection } from "./scene.ts";

const login = { cmd: "login", user: "a", password: "1" };

/** A policy that keeps what it is told, and does what the test sets. */
class FakePolicy implements EnginePolicy {
  hold: EnginePolicy["hold"] = { waiting: ["message"] };
  tellsStoreAway = false;
  room: string | undefined;
  busy = false;
  back: Request | undefined;
  readonly calls: string[] = [];
  readonly #engine: EnginePort;

  constructor(engine: EnginePort, set: Partial<FakePolicy>) {
    this.#engine = engine;
    Object.assign(this, set);
  }

  comeback() {
    return this.back;
  }

  *entered(answer: Parameters<EnginePolicy["entered"]>[0], back: boolean) {
    this.calls.push(back ? "came back" : "entered");
    if (!back) yield answer;
  }

  *shutOut({ error }: Parameters<EnginePolicy["shutOut"]>[0]) {
    this.calls.push(`shut out: ${error.code}`);
    yield* this.#engine.forget();
  }

  replied({ of }: { of: string }) {
    this.calls.push(`replied: ${of}`);
  }

  *event(event: ServerEvent) {
    yield { kind: "event" as const, event };
  }

  *answered({ request }: Parameters<EnginePolicy["answered"]>[0]) {
    this.calls.push(`answered: ${request.cmd}`);
    yield* [];
  }

  lost() {
    this.calls.push("lost");
  }

  cleared() {
    this.calls.push("cleared");
    this.back = undefined;
  }
}

interface Scene extends AsyncDisposable {
  readonly engine: Engine<FakePolicy>;
  readonly policy: FakePolicy;
  readonly servers: FakeServers;
  readonly clock: FakeClock;
  readonly told: Recorder;
  readonly peer: Peer;
}

/** An engine that is let in. */
async function entered(set: Partial<FakePolicy> = {}): Promise<Scene> {
  const servers = new FakeServers();
  const clock = new FakeClock();
  const engine = new Engine({
    servers: [{ host: "one", port: 1 }, { host: "two", port: 2 }],
    dial: servers.dial,
    client: "test/1",
    clock,
    random: () => 1,
  }, (engine) => new FakePolicy(engine, set));
  const [peer] = await Promise.all([servers.accept(), engine.link.connect()]);
  const told = new Recorder(engine);
  const answer = engine.authentication.ask(login);
  peer.ok(await peer.expect("login"), { user: "a" });
  await soon(answer);
  await settled();
  engine.policy.calls.length = 0;
  return {
    engine,
    policy: engine.policy,
    servers,
    clock,
    told,
    peer,
    async [Symbol.asyncDispose]() {
      engine.close();
      await soon(told.done, "the engine's end");
    },
  };
}

/** The states that were told. */
function states({ updates }: Recorder): string[] {
  return updates.flatMap((update) => update.kind === "status" ? [update.status.state] : []);
}

test("Engine comes back with what its policy says, and sends again what had no answer", async () => {
  await using scene = await entered({ back: { cmd: "again" } });
  const answer = scene.engine.send({ cmd: "say", text: "hi" });
  const first = await scene.peer.expect("say");
  scene.peer.close("broken");
  const next = await scene.servers.accept();
  next.ok(await next.expect("again"));
  const second = await next.expect("say");
  assert.deepEqual([second.text, second.cid], ["hi", first.cid]);
  next.ok(second);
  await soon(answer);
  assert.deepEqual(scene.policy.calls, ["lost", "replied: again", "came back", "replied: say"]);
});

test("Engine connects no more where its policy has nothing to come back to, before a login is asked for", async () => {
  await using scene = await entered();
  scene.peer.close("broken");
  await scene.clock.advance(60_000);
  assert.deepEqual(scene.policy.calls, ["lost"]);
  assert.equal(scene.servers.dialed.length, 1);
  const answer = scene.engine.authentication.ask({ ...login });
  const next = await scene.servers.accept();
  next.ok(await next.expect("login"));
  await soon(answer);
});

test("Engine leaves to its policy what a refusal means that does not pass, and tries the others elsewhere", async () => {
  await using scene = await entered({ back: { cmd: "again" } });
  scene.peer.close("broken");
  const second = await scene.servers.accept();
  second.error(await second.expect("again"), "store_unavailable");
  const third = await scene.servers.accept();
  assert.notEqual(third.server, second.server);
  const dropped = rejection(scene.engine.send({ cmd: "say", text: "hi" }));
  third.error(await third.expect("again"), "invalid_credentials");
  await dropped;
  assert.deepEqual(scene.policy.calls, ["lost", "lost", "shut out: invalid_credentials", "cleared"]);
});

test("Engine holds for a store that is away what its policy says, and tells it where the policy wants that", async () => {
  for (const waits of [false, true]) {
    await using scene = await entered({
      hold: { waiting: waits ? ["message", "repeat"] : ["message"] },
      tellsStoreAway: waits,
    });
    const { engine, peer, clock } = scene;
    const answer = engine.send({ cmd: "whoami" });
    peer.error(await peer.expect("whoami"), "store_unavailable");
    if (!waits) {
      assert.match((await rejection(answer)).message, /store_unavailable/);
      assert.deepEqual(states(scene.told), []);
      continue;
    }
    await clock.advance(500);
    peer.ok(await peer.expect("whoami"));
    await soon(answer);
    assert.deepEqual(states(scene.told), ["store_away"]);
  }
});

test("Engine gives up a request whose policy has waited long enough", async () => {
  await using scene = await entered({ hold: { waiting: ["repeat"], giveUpMs: 800 } });
  const refused = rejection(scene.engine.send({ cmd: "whoami" }));
  for (let time = 0; time < 3; time++) {
    scene.peer.error(await scene.peer.expect("whoami"), "store_unavailable");
    await scene.clock.advance(500);
  }
  assert.match((await refused).message, /store_unavailable/);
});

test("Engine sends nothing while its policy is busy, and goes on with what comes in next", async () => {
  await using scene = await entered();
  scene.policy.busy = true;
  void scene.engine.send({ cmd: "say", text: "later" });
  await settled();
  scene.engine.link.request({ cmd: "first" });
  const first = await scene.peer.expect("first");
  scene.policy.busy = false;
  scene.peer.ok(first);
  assert.equal((await scene.peer.expect("say")).text, "later");
  assert.deepEqual(scene.policy.calls, ["answered: first"]);
});

test("Engine binds what is typed to its policy's room, and to none where there is none", async () => {
  for (const room of ["ops", undefined]) {
    await using scene = await entered({ room });
    void scene.engine.send({ cmd: "say", text: "hi" });
    assert.equal((await scene.peer.expect("say")).room, room);
  }
});

test("Engine.send() tells nobody else of the answer to what the client asked itself", async () => {
  await using scene = await entered();
  const before = scene.told.updates.length;
  const answers = Promise.all([scene.engine.send({ cmd: "whoami" }, true), scene.engine.send({ cmd: "rooms" })]);
  scene.peer.ok(await scene.peer.expect("whoami"));
  scene.peer.ok(await scene.peer.expect("rooms"));
  await soon(answers);
  await settled();
  const told = scene.told.updates.slice(before).map((update) => update.kind === "reply" && update.request.cmd);
  assert.deepEqual(told, ["rooms"]);
});

test("Engine.end() ends once, rejects what is open and what is asked from then on", async () => {
  const scene = await entered({ back: { cmd: "again" } });
  const { engine } = scene;
  const open = rejection(engine.send({ cmd: "whoami" }));
  engine.end({ reason: "gave_up", exit: "login", message: "first" });
  engine.end({ reason: "left", exit: "ok", message: "second" });
  assert.match((await open).message, /whoami/);
  assert.match((await rejection(engine.authentication.ask({ ...login }))).message, /first/);
  assert.match((await rejection(engine.send({ cmd: "rooms" }))).message, /rooms/);
  await soon(scene.told.done, "its end");
  assert.deepEqual([engine.ending?.message, engine.givenUp], ["first", [
    "It is not known whether this was done: /whoami",
  ]]);
});
