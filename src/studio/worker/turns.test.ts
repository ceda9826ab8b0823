import { expect, test } from "vitest";
import { createGate, createTurns } from "./turns.ts";

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

test("one works at a time, in order of arrival; what nobody waits for comes last", async () => {
  const turns = createTurns();
  const order: string[] = [];
  const job = async (name: string, urgency: "asked" | "background"): Promise<void> => {
    await turns.take(urgency);
    order.push(`${name} begins`);
    await settled();
    order.push(`${name} ends`);
    turns.give();
  };
  await Promise.all([job("a", "asked"), job("b", "background"), job("c", "asked"), job("d", "asked")]);
  expect(order).toEqual(["a", "c", "d", "b"].flatMap((name) => [`${name} begins`, `${name} ends`]));
});

test("a held job lets others work and goes on when it is let go and it is its turn; the time is counted as held", async () => {
  const turns = createTurns();
  let now = 0;
  const gate = createGate(turns, "asked", () => now);
  await turns.take("asked");
  await gate.passed();
  expect(gate.heldFor).toBe(0);
  gate.hold(true);
  let hasPassed = false;
  const passing = gate.passed().then(() => {
    hasPassed = true;
  });
  await turns.take("asked");
  now = 500;
  gate.hold(false);
  await settled();
  expect(hasPassed).toBe(false);
  now = 700;
  turns.give();
  await passing;
  expect(gate.heldFor).toBe(700);
});

test("held again before its turn comes, it does not pass", async () => {
  const turns = createTurns();
  const gate = createGate(turns, "asked");
  await turns.take("asked");
  gate.hold(true);
  let hasPassed = false;
  void gate.passed().then(() => {
    hasPassed = true;
  });
  gate.hold(false);
  gate.hold(true);
  await settled();
  expect(hasPassed).toBe(false);
  gate.hold(false);
  await settled();
  expect(hasPassed).toBe(true);
});

test("a job in the background lets one pass that is asked for", async () => {
  const turns = createTurns();
  const gate = createGate(turns, "background");
  await turns.take("background");
  const order: string[] = [];
  const asked = turns.take("asked").then(() => {
    order.push("asked");
    turns.give();
  });
  await gate.passed();
  order.push("background");
  await asked;
  expect(order).toEqual(["asked", "background"]);
});
