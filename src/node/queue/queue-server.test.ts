import pg from "pg";
import { expect, test } from "vitest";
import { queueServer } from "./queue-server.ts";

test("a connection to PostgreSQL that breaks while nobody listens ends no process, and is heard by who listens", async () => {
  const address = "postgres://user:secret@localhost/queue";
  expect((await queueServer(address)).shown).not.toContain("secret");
  const { Client } = pg;
  await queueServer(address);
  expect(pg.Client).toBe(Client);
  const client = new Client();
  const gone = new Error("terminating connection due to unexpected postmaster exit");
  client.removeAllListeners();
  expect(client.emit("error", gone)).toBe(false);
  const heard: Error[] = [];
  client.on("error", (error) => heard.push(error));
  expect(client.emit("error", gone)).toBe(true);
  expect(heard).toEqual([gone]);
});
