import { afterAll, describe, expect, test } from "vitest";
import {
  chainNetwork,
  difference,
  floats,
  picture,
  residualNetwork,
  saliencyFixture,
  type Weights,
} from "../../../test/reference-networks.ts";
import { methodNamed } from "../methods.ts";

type Network = "plain" | "residual";

/** What cams.py wrote: maps by pytorch-grad-cam itself. */
interface CamReferences {
  readonly versions: Readonly<Record<string, string>>;
  readonly logits: Readonly<Record<Network, readonly number[]>>;
  readonly labels: Readonly<Record<Network, number>>;
  readonly maps: Readonly<Record<Network, Readonly<Record<string, string>>>>;
}

const { versions, logits, labels, maps } = saliencyFixture<CamReferences>("cams.json");
const networks = {
  plain: chainNetwork(),
  residual: residualNetwork(saliencyFixture<{ readonly residual: Weights }>("references.json").residual),
};

afterAll(async () => {
  for (const network of Object.values(networks)) await network.dispose();
});

/** From 0 to 1, as pytorch-grad-cam gives its maps. */
function stretched(map: Float32Array): Float32Array {
  const [low, high] = [Math.min(...map), Math.max(...map)];
  return map.map((value) => (value - low) / (high - low));
}

describe.each(["plain", "residual"] as const)(
  `pytorch-grad-cam ${versions["grad-cam"]} on PyTorch ${versions.torch}, network %s`,
  (network) => {
    const classifier = networks[network];
    const label = labels[network];

    test("the logits", async () => {
      const found = await classifier.classify(picture);
      expect([...found.logits]).toEqual(logits[network].map((logit) => expect.closeTo(logit, 5)));
    });

    test.each(Object.keys(maps[network]))("%s", async (name) => {
      const [method, option] = name.split(" ");
      const settings = option === "centered" ? { centered: true } : {};
      const { map } = await methodNamed(method).explain(classifier, picture, { label, ...settings });
      expect(difference(stretched(map.data), floats(maps[network][name]))).toBeLessThan(1e-5);
    });

    test("the maps are of different methods", () => {
      const texts = Object.values(maps[network]);
      expect(texts.length).toBe(8);
      // Before a global average pool HiResCAM and XGrad-CAM are Grad-CAM; the chain's pool has a weight for each cell.
      expect(new Set(texts).size).toBeGreaterThanOrEqual(network === "plain" ? 8 : 6);
    });
  },
);
