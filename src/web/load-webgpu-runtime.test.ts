import { expect, test } from "vitest";
import type { Runtime } from "../runtime/runtime.ts";
import { oneAfterTheOther } from "./load-webgpu-runtime.ts";

test("what a runtime is asked for begins when the last has ended, also where that failed", async () => {
  const events: string[] = [];
  const slowly = async <T>(name: string, value: T): Promise<T> => {
    events.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    events.push(`${name} ends`);
    if (name === "run bad") throw new Error("bad");
    return value;
  };
  const session = {
    inputNames: ["x"],
    outputNames: ["y"],
    run: (_: unknown, [name]: readonly string[]) => slowly(`run ${name}`, {}),
    release: () => slowly("release", undefined),
  };
  const runtime: Runtime = {
    Tensor: class {},
    env: { versions: { web: "1" } },
    InferenceSession: { create: () => slowly("create", session) },
  };
  const { InferenceSession, env } = oneAfterTheOther(runtime);
  expect(env).toBe(runtime.env);
  const made = (await InferenceSession.create(new Uint8Array())) as typeof session;
  expect([made.inputNames, made.outputNames]).toEqual([["x"], ["y"]]);
  const bad = made.run({}, ["bad"]);
  const all = [bad.catch(() => {}), made.run({}, ["good"]), made.release(), InferenceSession.create(new Uint8Array())];
  await expect(bad).rejects.toThrow("bad");
  await Promise.all(all);
  const order = ["create", "run bad", "run good", "release", "create"];
  expect(events).toEqual(order.flatMap((name) => [`${name} begins`, `${name} ends`]));
});
