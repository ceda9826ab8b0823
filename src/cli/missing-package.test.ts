import { expect, test } from "vitest";
import { UnsupportedError } from "../errors.ts";
import { explainMissingPackage } from "./missing-package.ts";

const missing = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}' imported from /somewhere/read-image.js`), {
    code: "ERR_MODULE_NOT_FOUND",
  });

test("a companion that is not installed is named, with what to do", () => {
  for (const name of ["sharp", "onnxruntime-node"]) {
    const error = explainMissingPackage(missing(name));
    expect(error).toBeInstanceOf(UnsupportedError);
    expect(String(error)).toMatch(`${name}, which `);
    expect(String(error)).toMatch("npm install onnxruntime-node sharp");
  }
});

test("every other error is left as it is", () => {
  const others = [missing("left-pad"), new Error("Cannot find package 'sharp'"), undefined, "text"];
  for (const other of others) expect(explainMissingPackage(other)).toBe(other);
});
