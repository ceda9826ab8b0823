import { beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { TechniqueView } from "../protocol.ts";
import type * as AddressModule from "./address.ts";
import type * as CommandLineModule from "./command-line.ts";
import type * as SignalsModule from "./signals.ts";

let commandLine: (typeof CommandLineModule)["commandLine"];
let address: typeof AddressModule;
let signals: typeof SignalsModule;

beforeAll(async () => {
  vi.stubGlobal("location", { hash: "", pathname: "/" });
  address = await import("./address.ts");
  signals = await import("./signals.ts");
  ({ commandLine } = await import("./command-line.ts"));
});

beforeEach(() => {
  address.address.value = address.defaults;
});

const own = { file: { name: "own model.onnx", blob: new Blob() }, beside: [], choices: {}, status: "open" } as const;
const bundled = { ...own, file: { name: "scenes-vgg.onnx", address: "http://localhost/scenes-vgg.onnx" } } as const;
const techniques = (...names: string[]) =>
  names.map((name) => ({ name, box: { kind: "energy", alpha: 0.65 } }) as TechniqueView);
const network = {
  methods: techniques("perceptual", "grad-cam"),
  attacks: techniques("pgd", "square"),
  ...{ usualMethod: "perceptual", usualAttack: "square" },
};
const picture = { key: "picture-0", file: { name: "it's.png", blob: new Blob() } };

test("bundled classifier and scenes need no files", () => {
  const scene = { key: "picture-0", file: { name: "scene-1", scene: 0 } };
  address.choose({ method: "grad-cam" });
  expect(commandLine("explain", scene, bundled, network)).toBe("perceptual-ball explain --method grad-cam");
});

test("what is chosen is said, as a shell takes it literally", () => {
  signals.model.value = { ...own, view: { network } as never };
  address.choose({ method: "grad-cam", target: 3, sigma: 4, alpha: 0.4, settings: { "grad-cam.layer": "Relu[3]" } });
  const choices = {
    mean: "0.5, 0.5 ,0.5",
    normalization: undefined,
    logits: "scores",
    labels: "a\nb",
    inputSize: "96",
  };
  expect(commandLine("explain", picture, { ...own, choices }, network)).toBe(
    "perceptual-ball explain 'it'\\''s.png' --model 'own model.onnx' --method grad-cam --target 3 --set 'layer=Relu[3]'" +
      " --blur 4 --threshold energy:0.4 --mean 0.5,0.5,0.5 --labels labels.txt --input-size 96 --logits scores",
  );
});

test("names of classes that were dropped are those of their file", () => {
  const choices = { labels: "a\nb", labelsFile: "class names.txt" };
  expect(commandLine("attack", picture, { ...bundled, choices }, network)).toMatch(/ --labels 'class names\.txt'$/);
});

test("an attack's settings are named by the attack", () => {
  address.choose({ attack: "pgd", settings: { "attack-pgd.epsilon": "0.03", "pgd.other": "1" }, alpha: 0.4 });
  expect(commandLine("attack", picture, bundled, network)).toBe(
    "perceptual-ball attack 'it'\\''s.png' --attack pgd --set pgd.epsilon=0.03",
  );
});

test("where nothing is chosen it is what is usual for the network", () => {
  expect(commandLine("explain", picture, bundled, network)).toContain("--method perceptual");
  expect(commandLine("attack", picture, bundled, network)).toContain("--attack square");
});
