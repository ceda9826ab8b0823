import { expect, test } from "vitest";
import { trustedLabels } from "./open-classifier.ts";

test("labels that are right only by chance are not told to what chooses the normalization", () => {
  const picture = { width: 1, height: 1, channels: 1, data: new Uint8Array(1) } as const;
  const pictures = [{ picture, label: 3 }, { picture }];
  const dataset = { name: "pets", listedClasses: ["a", "b"] };
  expect(trustedLabels({ pictures }, [])).toEqual([3, undefined]);
  expect(trustedLabels({ pictures, dataset }, [])).toEqual([3, undefined]);
  expect(trustedLabels({ pictures, dataset: { ...dataset, isOrderOpen: true } }, [])).toEqual([]);
  expect(trustedLabels({ pictures, dataset }, [{ code: "names-disagree", message: "no name in common" }])).toEqual([]);
});
