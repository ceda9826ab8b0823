import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServedFolder, serveFolder } from "./serve-folder.ts";

let parent: string;
let served: ServedFolder;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "served-"));
  const folder = join(parent, "page");
  await mkdir(folder);
  await writeFile(join(folder, "index.html"), "<p>page</p>");
  await writeFile(join(parent, "secret.txt"), "secret");
  await writeFile(join(parent, "my model.onnx"), "model");
  served = await serveFolder({
    folder,
    base: "/sub/",
    files: new Map([["files/0/my model.onnx", join(parent, "my model.onnx")]]),
    headers: { "X-Test": "yes" },
  });
});
afterAll(async () => {
  await served.close();
  await rm(parent, { recursive: true, force: true });
});

/** As `fetch`, but that paths are sent as they are and the host can be another. */
function ask(path: string, { host, method = "GET" }: { host?: string; method?: string } = {}) {
  const { hostname, port } = new URL(served.address);
  return new Promise<{ status: number | undefined; type: string | undefined; body: string }>((resolve, reject) => {
    const headers = host === undefined ? {} : { host };
    const sent = request({ hostname, port, path, method, headers }, (response) => {
      let body = "";
      response.on("data", (chunk) => {
        body += String(chunk);
      });
      response.on("end", () => resolve({ status: response.statusCode, type: response.headers["content-type"], body }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

test("the page, the files beside it, and the headers", async () => {
  const response = await fetch(served.address);
  expect(await response.text()).toBe("<p>page</p>");
  expect(response.headers.get("x-test")).toBe("yes");
  expect(response.headers.get("content-type")).toMatch("text/html");
  expect(await ask("/sub/files/0/my%20model.onnx")).toMatchObject({ status: 200, body: "model" });
  expect(await ask("/sub/", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
});

test.each([
  ["/", 404],
  ["/sub/none.html", 404],
  ["/sub/../secret.txt", 404],
  ["/sub/..%2fsecret.txt", 404],
  ["/sub/%2e%2e/secret.txt", 404],
  ["/sub/%E0%A4%A", 400],
  ["/sub/a%00b", 400],
])("%s is not given out: %i", async (path, status) => {
  const answer = await ask(path);
  expect(answer.status).toBe(status);
  expect(answer.body).not.toMatch("secret");
});

test("neither other hosts nor other methods are answered", async () => {
  expect((await ask("/sub/", { host: "rebound.example" })).status).toBe(403);
  expect((await ask("/sub/", { host: "localhost:80" })).status).toBe(200);
  expect((await ask("/sub/", { method: "POST" })).status).toBe(405);
});

test("a port that is taken is an error with its number", async () => {
  const port = Number(new URL(served.address).port);
  await expect(serveFolder({ folder: parent, port })).rejects.toThrow(`port ${port}: is taken`);
});
