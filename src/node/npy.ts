/** @file Tensors as NPY files. */
import { readFile } from "node:fs/promises";
import { BadInputError } from "../errors.ts";
import { decodeNpy, encodeNpy } from "../tensor/npy.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { writeFileAtomically } from "./write-file.ts";

/** Writes the tensor to the NPY file at `path`, whole or not at all; `numpy.load` reads it. Throws as `writeFileAtomically`. */
export async function writeNpy(path: string, tensor: Tensor): Promise<void> {
  await writeFileAtomically(path, encodeNpy(tensor));
}

/** The tensor in the NPY file at `path`. Throws a {@link BadInputError} that names the path if there is none or it is damaged. */
export async function readNpy(path: string): Promise<Tensor> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const what = code === "ENOENT" ? "no such file" : `cannot be read (${message})`;
    throw new BadInputError({ where: path, what, expected: "an NPY file" }, { cause: error });
  }
  return decodeNpy(bytes, path);
}
