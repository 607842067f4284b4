/**
 * The monitoring that is handed out with the service: its rules, and its dashboard against a real Prometheus.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { measures } from "../../lib/observability/metrics.ts";
import { AdminPort } from "../support/admin_port.ts";
import { JsonClient, TextClient } from "../support/client.ts";
import { every, need, permitted } from "../support/needs.ts";
import { processes, ServerProcess, temporaryFolder } from "../support/process.ts";
import { Prometheus, prometheusThere, promtool, promtoolThere } from "../support/prometheus.ts";
import { test } from "../support/server.ts";
import { until } from "../support/turns.ts";

const root = join(import.meta.dirname!, "..", "..");
const rules = join(root, "deploy", "monitoring", "prometheus");
const runbooks = join(root, "docs", "operate.md");

/** Whether the file may be read and is there. */
const written = await Deno.stat(runbooks).then(
  () => permitted("read"),
  () => need("docs/operate.md is not to be read"),
);

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

async function dashboard(): Promise<readonly { readonly title: string; readonly expr: string }[]> {
  const file = join(root, "deploy", "monitoring", "grafana", "dashboards", "chat.json");
  const { panels } = JSON.parse(await Deno.readTextFile(file)) as { panels: readonly Panel[] };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      expr: expr.replaceAll("$instance", ".*").replaceAll("$__rate_interval", "1m"),
    }))
  );
}

test("promtool accepts the configuration and the alert rules, and their tests pass", async () => {
  await promtool(["check", "config", join(rules, "prometheus.yml")]);
  await promtool(["test", "rules", join(rules, "alerts_test.yml")]);
}, promtoolThere);

test("every metric is on the dashboard or in an alert, and these know no others", async () => {
  const shown = [...await dashboard()].map(({ expr }) => expr).join("\n") +
    await Deno.readTextFile(join(rules, "alerts.yml"));
  const named = new Set([...shown.matchAll(/\b(?:chat|process)_[a-z_]+\b/g)].map(([name]) => name));
  const base = new Set([...named].map((name) => name.replace(/_(bucket|count|sum)$/, "")));
  const known = new Set(Object.keys(measures));
  assert.deepEqual([...base].filter((name) => !known.has(name)), []);
  const unused = ["chat_server_info", "process_start_time_seconds"]; // in the dashboard's list of servers, and its starts
  assert.deepEqual([...known].filter((name) => !base.has(name) && !unused.includes(name)), []);
}, processes);

test("every alert has a runbook", async () => {
  const text = await Deno.readTextFile(join(rules, "alerts.yml"));
  const anchors = [...text.matchAll(/runbook: docs\/operate\.md#(\S+)/g)].map(([, anchor]) => anchor);
  assert.equal(anchors.length, text.match(/- alert:/g)!.length);
  const headings = [...(await Deno.readTextFile(runbooks)).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
  assert.deepEqual(anchors.filter((anchor) => !headings.includes(anchor)), []);
}, written);

test("every query of the dashboard and of the alerts has data in a real Prometheus", async () => {
  await using folder = await temporaryFolder();
  await using server = await ServerProcess.start(folder.path, {
    ADMIN_PORT: "0",
    DEMO_ACCOUNTS: "on",
    RATE_LIMIT: "off",
  });
  const admin = await AdminPort.of(server.program);
  await Deno.copyFile(join(rules, "alerts.yml"), join(folder.path, "alerts.yml"));
  const config = (await Deno.readTextFile(join(rules, "prometheus.yml")))
    .replaceAll(/_interval: 5s/g, "_interval: 200ms")
    .replace(/dns_sd_configs:[\s\S]*$/, `static_configs: [{ targets: ["127.0.0.1:${admin.port}"] }]\n`);
  await Deno.writeTextFile(join(folder.path, "prometheus.yml"), config);
  await using prometheus = await Prometheus.start(folder.path);

  await using a = await server.login("a");
  await using b = await server.jsonLogin("b");
  const talk = async () => {
    await a.send("hi", "/publish news", "/msg b psst", "/nonsense");
    await a.until(/unknown_command/);
    await b.ok("say", { text: "hi yourself" });
    await using stranger = await TextClient.open(server);
    await stranger.ask("LOGIN c wrong");
    await using c = await server.jsonLogin("c");
    const token = c.session.resume as string;
    c.drop();
    await using again = await JsonClient.open(server);
    await again.ok("resume", { token });
  };
  const queries = [
    ...await dashboard(),
    // What an alert compares must be there; that it holds is not wanted.
    ...(await prometheus.rules()).map(({ name, query }) => ({
      title: name,
      expr: query.replace(/ (==|[<>]=?) [\d.]+$/, ""),
    })),
  ];
  assert.ok(queries.length >= 70, `${queries.length} queries`);
  let missing = queries;
  await until("every query has data", async () => {
    await talk();
    const answers = await Promise.all(missing.map(({ expr }) => prometheus.query(expr)));
    missing = missing.filter((_, index) => answers[index].every(({ value: [, value] }) => value === "NaN"));
    return missing.length === 0;
  }, { everyMs: 100 }).catch((error) => {
    throw new Error(`No data for ${missing.map(({ title, expr }) => `\n${title}: ${expr}`).join("")}`, {
      cause: error,
    });
  });
  const firing = await prometheus.query('ALERTS{alertstate="firing"}');
  assert.deepEqual(firing, []);
}, every(processes, prometheusThere));
