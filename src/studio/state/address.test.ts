import fc from "fast-check";
import { beforeAll, expect, test, vi } from "vitest";
import type * as AddressModule from "./address.ts";

let module: typeof AddressModule;

beforeAll(async () => {
  vi.stubGlobal("location", { hash: "", pathname: "/" });
  module = await import("./address.ts");
});

test("what is written into the address is read from it", () => {
  const { defaults, formatAddress, parseAddress, tabs } = module;
  const text = fc.string({ minLength: 1, maxLength: 12 });
  const share = fc.integer({ min: 0, max: 100 }).map((n) => n / 100);
  const chosen = fc.record(
    {
      ...{
        tab: fc.constantFrom(...tabs),
        method: fc.constantFrom("perceptual", "grad-cam"),
        attack: fc.constant("fgsm"),
      },
      ...{ picture: fc.nat(99), target: fc.nat(999), layer: fc.nat(200), threads: fc.integer({ min: 1, max: 8 }) },
      ...{
        opacity: share,
        alpha: share,
        sigma: fc.integer({ min: 0, max: 20 }),
        processor: fc.constant("webgpu" as const),
      },
      ...{ model: text, beside: fc.array(text), files: fc.array(text) },
      settings: fc.dictionary(fc.constantFrom("perceptual.steps", "attack-pgd.epsilon"), text),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(chosen, (some) => {
      const address = { ...defaults, ...some };
      expect(parseAddress(`#${formatAddress(address)}`)).toEqual(address);
    }),
  );
  expect(formatAddress(defaults)).toBe("");
});

test("what the address gets wrong stays at its default", () => {
  const { defaults, parseAddress } = module;
  const wrong =
    "#tab=nothing&method=<script>&attack=A B&picture=-1&target=x&layer=1.5&opacity=2&blur=-1&threshold=&threads=0&processor=tpu&model=&file=";
  expect(parseAddress(wrong)).toEqual(defaults);
});

test("settings are kept by technique; an empty one is the default", () => {
  const { address, choose, chooseSetting, settingsOf } = module;
  chooseSetting("perceptual", "steps", "20");
  chooseSetting("perceptual", "preset", "paper");
  chooseSetting("rise", "masks", "50");
  expect(settingsOf("perceptual")).toEqual({ steps: "20", preset: "paper" });
  chooseSetting("perceptual", "steps", "");
  expect(settingsOf("perceptual")).toEqual({ preset: "paper" });
  choose({ settings: {} });
  expect(address.value).toEqual(module.defaults);
});

test("the address bar follows what is chosen, and what somebody else has just written there is not lost", () => {
  const { address, choose, defaults, followAddress } = module;
  const bar = { hash: "#picture=1", pathname: "/" };
  const heard: Array<() => void> = [];
  vi.useFakeTimers();
  vi.stubGlobal("location", bar);
  vi.stubGlobal("history", { replaceState: (_state: unknown, _title: string, url: string) => (bar.hash = url) });
  vi.stubGlobal("document", { getElementById: (id: string) => (id === "results" ? {} : null) });
  vi.stubGlobal("addEventListener", (_type: string, listener: () => void) => heard.push(listener));
  const before: number[] = [];
  followAddress((last) => before.push(last.picture));
  choose({ ...defaults, picture: 2 });
  vi.advanceTimersByTime(300);
  expect(bar.hash).toBe("#picture=2");
  choose({ picture: 3 });
  bar.hash = "#picture=4";
  // The page's own turn comes before the browser tells it of the new address.
  vi.advanceTimersByTime(300);
  expect(bar.hash).toBe("#picture=4");
  for (const tell of heard) tell();
  vi.advanceTimersByTime(300);
  expect([address.value.picture, before, bar.hash]).toEqual([4, [3], "#picture=4"]);
  bar.hash = "#results";
  for (const tell of heard) tell();
  expect([address.value.picture, before, bar.hash]).toEqual([4, [3], "#picture=4"]);
  vi.useRealTimers();
});
