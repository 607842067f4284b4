import assert from "node:assert/strict";
import { closest } from "../../lib/common/similar.ts";
import { test } from "../support/declare.ts";

test("closest() finds what was meant in spite of a slip or two", () => {
  const known = ["SERVER_PORT", "SERVER_HOST", "LOG_LEVEL", "ROOMS"];
  const slips = { SERVER_PROT: "SERVER_PORT", SEVER_HOST: "SERVER_HOST", log_lvel: "LOG_LEVEL", ROOM: "ROOMS" };
  for (const [word, meant] of Object.entries(slips)) assert.equal(closest(word, known), meant, word);
});

test("closest() guesses at nothing that is far from all", () => {
  for (const word of ["", "X", "COMPOSE_PROJECT_NAME", "GRAFANA_PORT"]) {
    assert.equal(closest(word, ["SERVER_PORT", "ROOMS"]), undefined, word);
  }
});
