import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { runCli } from "../../../test/run-cli.ts";
import { smallImages, smallNetwork } from "../../../test/small-network.ts";
import { square } from "../../attacks/autoattack/square.ts";
import { hopskipjump } from "../../attacks/minimal/hopskipjump.ts";
import { pgd } from "../../attacks/pgd.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { scoreMethods } from "../../cli/flags/endpoint-flags.ts";
import { fillImage } from "../../saliency/fill.ts";
import { methodNamed } from "../../saliency/methods.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import { writePng } from "../pictures/write-image.ts";
import { openEndpoint } from "./open-endpoint.ts";

const local = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });

interface Asked {
  readonly shape: readonly number[];
  readonly pixels: string;
}
type Respond = (response: ServerResponse, body: string, request: IncomingMessage) => void | Promise<void>;

let server: Server;
let url = "";
/** What the server says of itself, and what it does with images; each test has its own. */
let description: object = {};
let respond: Respond;
let requests: Asked[] = [];

const usual = { channels: 3, height: 8, width: 8, classes: 4, batch: 5 };
const json = (response: ServerResponse, value: unknown): void => {
  response.end(JSON.stringify(value));
};

async function scoresOf(body: string): Promise<Float32Array[]> {
  const { shape, pixels } = JSON.parse(body) as Asked;
  const bytes = Buffer.from(pixels, "base64");
  const [count = 0, ...rest] = shape;
  const size = rest.reduce((product, extent) => product * extent, 1);
  const images = Array.from({ length: count }, (_, n) =>
    Float32Array.from({ length: size }, (_, i) => bytes.readFloatLE(4 * (n * size + i))),
  );
  return (await (await local.forward({ batch: count })).run(images)).map((row) => row.slice());
}
const withScores: Respond = async (response, body) =>
  json(response, { scores: (await scoresOf(body)).map((row) => [...row]) });
const withLabels: Respond = async (response, body) =>
  json(response, { labels: (await scoresOf(body)).map(indexOfLargest) });
const withProbabilities: Respond = async (response, body) => {
  const rows = (await scoresOf(body)).map((row) => {
    const shares = [...row].map((score) => Math.exp(score - Math.max(...row)));
    const sum = shares.reduce((total, share) => total + share, 0);
    return shares.map((share) => share / sum);
  });
  json(response, { scores: rows });
};

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.method === "GET") return json(response, description);
    let body = "";
    request.on("data", (part) => (body += part));
    request.on("end", () => {
      requests.push(JSON.parse(body) as Asked);
      void respond(response, body, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/model`;
});
beforeEach(() => {
  [description, respond, requests] = [usual, withScores, []];
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await local.dispose();
});

const open = (options: object = {}) => openEndpoint(`${url}?token=secret`, { pause: 0.001, tries: 3, ...options });

describe("attacks that need no gradients find behind HTTP what they find at home", () => {
  test("by scores", async () => {
    const classifier = await open();
    expect(classifier).toMatchObject({ classCount: 4, answers: "scores", input: { height: 8, width: 8 } });
    expect(classifier.file.path).toBe(url);
    const options = { epsilon: 0.1, queries: 60, batch: 4 };
    const far = await square.attack(classifier, smallImages, options);
    const near = await square.attack(local, smallImages, options);
    expect(far.map(({ raw }) => raw.image.data)).toEqual(near.map(({ raw }) => raw.image.data));
    expect(far.map(({ outcome }) => outcome)).toEqual(near.map(({ outcome }) => outcome));
    expect(far.some(({ outcome }) => outcome === "flipped")).toBe(true);
    expect(far[0].raw.distances.perceptual).toBe(0);
    // In requests of up to so many images as the endpoint takes, and without those that only fill a batch.
    expect(Math.max(...requests.map(({ shape }) => shape[0] ?? 0))).toBeLessThanOrEqual(5);
    const asked = requests.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
    expect(asked).toBe(2 + far.reduce((sum, { cost }) => sum + cost.forward, 0));
    await expect(pgd.attack(classifier, smallImages[0])).rejects.toThrow(
      "an endpoint gives neither gradients nor the values of layers, expected an attack that needs no gradients",
    );
    await expect(square.attack(classifier, smallImages[0], { lpips: true })).rejects.toThrow("no layers to compare");
    await classifier.dispose();
  });

  test("by labels alone, and by probabilities", async () => {
    const options = { steps: 2, firstDraws: 20 };
    const near = await hopskipjump.attack(local, smallImages[2], options);
    for (const [answers, answer] of [
      ["labels", withLabels],
      ["probabilities", withProbabilities],
    ] as const) {
      [description, respond] = [{ ...usual, answers, names: ["a", "b", "c", "d"] }, answer];
      const classifier = await open();
      const far = await hopskipjump.attack(classifier, smallImages[2], options);
      expect(far.raw.image.data).toEqual(near.raw.image.data);
      expect(classifier.labelName(2)).toBe("c");
      const { confidence } = await classifier.classify(smallImages[2]);
      if (answers === "probabilities") {
        expect(confidence).toBeCloseTo((await local.classify(smallImages[2])).confidence, 5);
      }
    }
  });
});

describe("an endpoint that", () => {
  test("is busy is asked again, as soon as it says", async () => {
    let busy = 2;
    respond = (response, body, request) => {
      if (busy-- <= 0) return withScores(response, body, request);
      response.writeHead(busy === 1 ? 503 : 429, { "retry-after": "0" }).end("later");
    };
    expect((await open()).classCount).toBe(4);
    expect(requests.length).toBe(4);
  });

  test.each<readonly [what: string, respond: Respond, message: string | RegExp, tries: number]>([
    [
      "fails",
      (response) => void response.writeHead(500).end("out of\nmemory"),
      'answers 500 and says "out of\\nmemory"',
      1,
    ],
    ["stays busy", (response) => void response.writeHead(503).end(), "answers 503, 3 times. Is the server up?", 3],
    ["stalls", () => {}, "no answer within 0.05 s, 3 times", 3],
    ["stalls in the middle", (response) => void response.write('{ "scores": ['), "no answer within 0.05 s, 3 times", 3],
    [
      "breaks off",
      (response) => void response.destroy(),
      /the request failed \((UND_ERR_SOCKET|ECONNRESET)\), 3 times/,
      3,
    ],
    ["redirects", (response) => void response.writeHead(302, { location: "/else" }).end(), "the request failed", 3],
    ["answers garbage", (response) => void response.end("<html>"), 'the answer is not JSON: "<html>"', 1],
    ["answers too much", (response) => void response.end(" ".repeat(5000)), "longer than the 4288 bytes", 1],
    ["answers something else", (response) => json(response, [1]), 'the answer has no list "scores"', 1],
    [
      "answers for others",
      (response) => json(response, { scores: [] }),
      "another number of scores, expected 1, one",
      1,
    ],
    ["has other classes", (response) => json(response, { scores: [[1, 2, 3]] }), "number of classes, expected 4", 1],
    ["has no numbers", (response) => json(response, { scores: [[1, 2, null, 3]] }), "are no numbers", 1],
  ])("%s: in words, as often as it may help", async (_, answer, message, tries) => {
    respond = answer;
    const options = typeof message === "string" && message.includes("0.05") ? { timeout: 0.05 } : {};
    await expect(open(options)).rejects.toThrow(message);
    expect(requests.length).toBe(tries);
    await expect(open({ ...options, tries: 1 })).rejects.toThrow(url);
    await expect(open({ ...options, tries: 1 })).rejects.not.toThrow("secret");
  });

  test.each([
    [
      { ...usual, answers: "labels" },
      { labels: [4] },
      "label 0 of the answer is no class, expected an integer from 0 to 3, got 4",
    ],
    [{ ...usual, answers: "labels" }, { labels: ["cat"] }, "is no class"],
    [{ ...usual, answers: "probabilities" }, { scores: [[0.5, 0.5, 2, -2]] }, "are no probabilities"],
  ])("answers otherwise than it says: %j", async (says, answer, message) => {
    description = says;
    respond = (response) => json(response, answer);
    await expect(open()).rejects.toThrow(message);
  });

  test.each([
    [[], "its description is no object"],
    [{ ...usual, channels: 2 }, 'no such "channels", expected 1 or 3, got 2'],
    [{ ...usual, height: 0 }, 'no such "height"'],
    [{ ...usual, width: "8" }, 'no such "width", expected an integer from 1 to 4096, got "8"'],
    [{ ...usual, classes: 1 }, 'no such "classes"'],
    [{ ...usual, names: ["a"] }, 'no such "names", expected 4 texts'],
    [{ ...usual, answers: "vibes" }, "scores, probabilities or labels"],
    [{ ...usual, batch: 0.5 }, 'no such "batch"'],
  ])("describes itself as %j is refused", async (says, message) => {
    description = says;
    await expect(open()).rejects.toThrow(message);
    expect(requests.length).toBe(0);
  });

  test("changes its mind is found out, also later; the last digits may change", async () => {
    let count = 0;
    respond = (response) => json(response, { scores: [[1, 2, 3, count++]] });
    await expect(open()).rejects.toThrow("the server gives other scores for the same picture than before");
    respond = (response) => json(response, { scores: [[1, 2, 3, 9 * count++]] });
    await expect(open()).rejects.toThrow(/the server calls the same picture class 3, and before class 2|other scores/);
    respond = withScores;
    const classifier = await open();
    await classifier.classify(smallImages[0]);
    respond = async (response, body) =>
      json(response, { scores: (await scoresOf(body)).map((row) => [...row].map((score) => score * (1 + 1e-6))) });
    await classifier.classify(smallImages[0]);
    respond = (response) => json(response, { scores: [[3, 2, 1, 0]] });
    await expect(classifier.classify(smallImages[0])).rejects.toThrow("expected the same answer to the same picture");
  });

  test("is not there, or no endpoint, is said; an aborted signal ends the waiting", async () => {
    const nobody = "http://127.0.0.1:9/model";
    await expect(openEndpoint(nobody, { tries: 2, pause: 0 })).rejects.toThrow(`${nobody}: the request failed`);
    await expect(openEndpoint("model")).rejects.toThrow("endpoint: not a URL");
    await expect(openEndpoint("ftp://host/model")).rejects.toThrow("not a URL of HTTP");
    await expect(openEndpoint("http://a:b@host/model")).rejects.toThrow("--endpoint-header");
    await expect(openEndpoint(url, { timeout: 0 })).rejects.toThrow("openEndpoint: timeout");
    respond = (response) => void response.writeHead(503, { "retry-after": "60" }).end();
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await expect(open({ signal: controller.signal })).rejects.toThrow("aborted");
  });
});

describe("the command line", () => {
  const folder = mkdtempSync(join(tmpdir(), "endpoint-"));
  const pictures = smallImages.slice(1, 4).map((_, n) => join(folder, `${n}.png`));
  const attack = (...flags: string[]) =>
    runCli(["attack", ...pictures, "--endpoint", url, "--out", join(folder, "out"), "--resize", "exact", ...flags]);
  beforeAll(async () => {
    for (const [n, path] of pictures.entries()) await writePng(path, smallImages[n + 1]);
  });
  afterEach(() => rmSync(join(folder, "out"), { recursive: true, force: true }));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("keeps finished pictures where the endpoint fails, and goes on with the others", async () => {
    const flags = [
      "--attack",
      "square",
      "--epsilon",
      "0.1",
      "--queries",
      "40",
      "--batch",
      "1",
      "--endpoint-tries",
      "1",
    ];
    const whole = await attack(...flags);
    expect([whole.code, whole.stderr]).toEqual([
      0,
      expect.stringContaining(`${url}: 4 classes, input 3x8x8, answers with scores`),
    ]);
    const results = (): string => readFileSync(join(folder, "out/results.csv"), "utf8");
    const [expected, all] = [results(), requests.length];
    rmSync(join(folder, "out"), { recursive: true });
    requests = [];
    // Six are for the page; one less, and the last picture is not finished.
    let left = all - 7;
    respond = (response, body, request) =>
      left-- > 0 ? withScores(response, body, request) : void response.writeHead(500).end("crashed");
    const half = await attack(...flags);
    expect(half.code).toBe(1);
    expect(half.stderr).toContain('the server answers 500 and says "crashed"');
    expect(half.stderr).toContain("could not be computed; the same command tries them again");
    const kept = results().trim().split("\r\n").length - 1;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(3);
    [respond, requests] = [withScores, []];
    expect((await attack(...flags)).code).toBe(0);
    expect(results()).toBe(expected);
    expect(requests.length).toBeLessThan(all);
    expect(readdirSync(join(folder, "out"))).toContain("index.html");
  });

  test("refuses attacks that see more than the endpoint says, and flags that mean a model", async () => {
    description = { ...usual, answers: "labels" };
    respond = withLabels;
    const said = async (...flags: string[]): Promise<string> => (await attack(...flags)).stderr;
    expect(await said("--attack", "pgd")).toContain("pgd follows gradients, and an endpoint gives none");
    expect(await said("--attack", "square")).toContain("square sees scores, and the endpoint answers with labels");
    expect(await said("--attack", "hopskipjump", "--model", "m.onnx")).toContain("expected --model or --endpoint");
    expect(await said("--attack", "hopskipjump", "--mean", "1,2,3")).toContain("which prepares its pictures itself");
    expect(await said("--attack", "hopskipjump", "--endpoint-header", "nonsense")).toContain("not a header");
    const sent: unknown[] = [];
    respond = (response, body, request) => {
      sent.push(request.headers.authorization);
      return withLabels(response, body, request);
    };
    const flags = ["--attack", "hopskipjump", "--steps", "1", "--queries", "100"];
    const { code } = await attack(...flags, "--endpoint-header", "Authorization: Bearer hidden");
    expect([code, new Set(sent)]).toEqual([0, new Set(["Bearer hidden"])]);
    expect(readFileSync(join(folder, "out/results.jsonl"), "utf8")).not.toContain("hidden");
  });
});

describe("explanations of what answers with scores", () => {
  const image = smallImages[1];
  const settings = { rise: { masks: 40 }, lime: { samples: 60 }, "kernel-shap": { samples: 120 } };

  for (const name of scoreMethods) {
    test(`${name} finds the map that it finds of the model itself`, async () => {
      description = { ...usual, mean: [0, 0, 0] };
      const method = methodNamed(name);
      const options = settings[name as keyof typeof settings] ?? {};
      const [here, there] = [
        await method.explain(local, image, options),
        await method.explain(await open(), image, options),
      ];
      expect(there.label).toBe(here.label);
      expect(there.evaluations).toEqual(here.evaluations);
      for (const [i, value] of here.map.data.entries()) expect(there.map.data[i]).toBeCloseTo(value, 4);
    });
  }

  test("hidden parts are gray unless the endpoint names a color", async () => {
    const hidden = async (): Promise<Set<number>> => new Set(fillImage(await open(), image, "mean"));
    expect(await hidden()).toEqual(new Set([0.5]));
    description = { ...usual, mean: [0.25, 0.25, 0.25] };
    expect(await hidden()).toEqual(new Set([0.25]));
    for (const mean of [[0.5], [0, 0, 2], "gray"]) {
      description = { ...usual, mean };
      await expect(open()).rejects.toThrow('its description has no such "mean", expected 3 numbers from 0 to 1');
    }
  });

  test("on the command line: two methods where none is named, and what looks into networks is left out or refused", async () => {
    const folder = mkdtempSync(join(tmpdir(), "endpoint-"));
    const [picture, out] = [join(folder, "one.png"), join(folder, "out")];
    await writePng(picture, image);
    const explain = (...flags: string[]) =>
      runCli(["explain", picture, "--endpoint", url, "--out", out, "--resize", "exact", "--workers", "1", ...flags]);
    try {
      const usualRun = await explain("--masks", "40");
      expect([usualRun.code, usualRun.stderr]).toEqual([0, expect.stringContaining("resize exact 8x8")]);
      expect(usualRun.stdout).toContain("1 box by rise, 1 box by occlusion");
      // Requests hold as many images as the endpoint takes, but the two at the beginning and those of the picture itself.
      expect(Math.max(...requests.map(({ shape }) => shape[0]))).toBe(usual.batch);
      const all = await explain("--method", "all", "--masks", "40", "--samples", "120", "--json");
      const records = all.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { method: string; model: { path: string }; versions: object });
      expect(records.map(({ method }) => method)).toEqual(scoreMethods);
      expect(records[0]).toMatchObject({ model: { path: url }, versions: { runtime: "endpoint" } });
      expect(all.stderr.match(/left out/g)).toHaveLength(1);
      expect(all.stderr).toContain("deepfool are left out: an endpoint gives nothing but scores.");
      const page = readFileSync(join(out, "index.html"), "utf8");
      expect(page).toContain(`What <em>${url.replace("http://", "")}</em> looks at`);
      expect(page).not.toContain("0 operations");
      expect((await explain("--method", "rise,grad-cam")).stderr).toContain(
        "--method grad-cam: grad-cam looks into the network, and an endpoint gives nothing but scores, expected --method with some of rise, occlusion",
      );
      expect((await runCli(["explain", "--endpoint", url])).stderr).toContain("there is a model but no picture");
      const second = join(folder, "two.png");
      await writePng(second, smallImages[2]);
      // Behind the two of gray, the first request is the first picture as it is.
      requests = [];
      await explain("--method", "feature-ablation");
      const bad = requests[2].pixels;
      respond = (response, body, request) =>
        body.includes(bad) ? void response.writeHead(500).end("crashed") : withScores(response, body, request);
      for (const workers of ["1", "2"]) {
        const flags = ["--method", "feature-ablation", "--resize", "exact", "--workers", workers];
        const half = await runCli(["explain", picture, second, "--endpoint", url, "--out", out, ...flags]);
        expect([half.code, half.stderr.match(/answers 500/g)]).toEqual([1, ["answers 500"]]);
        expect(half.stdout).toContain("two.png: feature-ablation");
        expect(half.stdout).toContain("1 picture: 1 box, 1 could not be explained");
      }
      [description, respond] = [{ ...usual, answers: "labels" }, withLabels];
      expect((await explain()).stderr).toContain("the endpoint answers with labels, and every method looks at scores");
      const classified = await runCli(["classify", picture, "--endpoint", url, "--resize", "exact", "--top", "1"]);
      expect(classified.stdout).toMatch(/: class \d 100 %\n$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
