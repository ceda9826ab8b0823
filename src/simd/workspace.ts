/**
 * @file Memory for a solver's vectors: in that of the kernels where there are some, else ordinary arrays.
 *
 * Searches come and go, and many run side by side, so they share a few memories, each with a list of what is free. A memory never grows, since
 * that would take it away from under all vectors in it.
 */
import { areKernelsWanted, createKernelMemory, type KernelMemory } from "./kernels.ts";

type FloatArray = Float32Array | Float64Array;

/**
 * Arrays that belong together. What is in them at first is not said: others may have had the memory before. What there is no room for is an
 * ordinary array, which the kernels leave alone.
 */
export interface Arrays {
  singles(length: number): Float32Array;
  doubles(length: number): Float64Array;
  integers(length: number): Int32Array;
  /** Gives the memory back; what was had from here must not be used any more. */
  close(): void;
}

/** How many elements there is to be room for. */
export interface ArraysSize {
  readonly singles: number;
  readonly doubles: number;
  readonly integers: number;
}

/** The arrays of one search. */
export interface Workspace<A extends FloatArray> extends Pick<Arrays, "doubles" | "integers" | "close"> {
  /** `count` vectors, one after the other; default 1. */
  vectors(count?: number): A;
  /** A vector that the kernels can work on: `vector` copied to `place`, or `vector` itself where there are no kernels. */
  adopt(vector: A, place: A): A;
}

/** How much a workspace has room for. */
export interface WorkspaceSize {
  readonly vectors: number;
  readonly doubles: number;
  readonly integers: number;
}

/** Arrays begin at multiples of this many bytes, a line of the caches. */
const alignment = 64;
/** Vectors that are shorter stay in ordinary arrays: a call costs as much as they do. */
const leastLength = 512;
const blockBytes = 2 ** 23;
/** Free memory that is kept for the next search. */
const keptBytes = 2 ** 26;

interface Range {
  readonly from: number;
  readonly to: number;
}

interface Block {
  readonly memory: KernelMemory;
  /** In the order of the addresses, none touching the next. */
  free: readonly Range[];
}

/** A range of a block. */
interface Place {
  readonly block: Block;
  readonly range: Range;
}

const blocks = new Set<Block>();
/** A search that nobody goes on with, nor ends, gives its memory back when it is collected. */
const owners = new WeakMap<ArrayBufferView, Workspace<Float32Array>>();
/** An array keeps those that it belongs to from being given back. */
const keepers = new WeakMap<ArrayBufferView, Arrays>();
const abandoned = new FinalizationRegistry<Place>(giveBack);

/** A workspace for vectors of the kind and the length of `like`, and numbers besides. */
export function openWorkspace<A extends FloatArray>(like: A, size: WorkspaceSize): Workspace<A> {
  const { length } = like;
  if (!(like instanceof Float32Array) || length < leastLength) return ordinaryWorkspace(like);
  // Every vector may begin farther on than the one before ends.
  const singles = size.vectors * (length + alignment / 4);
  const arrays = openArrays({ singles, doubles: size.doubles, integers: size.integers });
  if (arrays === undefined) return ordinaryWorkspace(like);
  const workspace: Workspace<Float32Array> = {
    vectors(count = 1) {
      const vectors = arrays.singles(count * length);
      owners.set(vectors, workspace);
      return vectors;
    },
    doubles: arrays.doubles,
    integers: arrays.integers,
    adopt(vector, at) {
      at.set(vector);
      return at;
    },
    close: arrays.close,
  };
  return workspace as Workspace<FloatArray> as Workspace<A>;
}

/** Arrays in one memory of the kernels, a few dozen at most; undefined where there are no kernels or no memory. */
export function openArrays({ singles, doubles, integers }: ArraysSize): Arrays | undefined {
  const bytes = 4 * singles + 8 * doubles + 4 * integers + 64 * alignment;
  const place = areKernelsWanted() ? takeRange(aligned(bytes)) : undefined;
  if (place === undefined) return undefined;
  const { range } = place;
  const { buffer } = place.block.memory;
  let next = range.from;
  let isOpen = true;
  /** Where so many bytes begin, and in what; undefined stands for an array of its own. */
  const take = (taken: number): readonly [ArrayBuffer | undefined, number] => {
    const from = next;
    if (from + aligned(taken) > range.to) return [undefined, 0];
    next += aligned(taken);
    return [buffer, from];
  };
  const arrays: Arrays = {
    singles(length) {
      const [memory, from] = take(4 * length);
      return memory === undefined ? new Float32Array(length) : owned(new Float32Array(memory, from, length));
    },
    doubles(length) {
      const [memory, from] = take(8 * length);
      return memory === undefined ? new Float64Array(length) : owned(new Float64Array(memory, from, length));
    },
    integers(length) {
      const [memory, from] = take(4 * length);
      return memory === undefined ? new Int32Array(length) : owned(new Int32Array(memory, from, length));
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      abandoned.unregister(arrays);
      giveBack(place);
    },
  };
  const owned = <A extends ArrayBufferView>(array: A): A => {
    keepers.set(array, arrays);
    return array;
  };
  abandoned.register(arrays, place, arrays);
  return arrays;
}

/** Ordinary arrays, as {@link openArrays} gives where it can. */
export const ordinaryArrays: Arrays = {
  singles: (length) => new Float32Array(length),
  doubles: (length) => new Float64Array(length),
  integers: (length) => new Int32Array(length),
  close: () => {},
};

/** The workspace that `vector` is from, or one of ordinary arrays. */
export function workspaceOf<A extends FloatArray>(vector: A): Workspace<A> {
  const owner: Workspace<FloatArray> | undefined = owners.get(vector);
  return owner === undefined ? ordinaryWorkspace(vector) : (owner as Workspace<A>);
}

/** Ordinary arrays. Memory that is not written to costs nothing. */
export function ordinaryWorkspace<A extends FloatArray>(like: A): Workspace<A> {
  const { length } = like;
  const isSingle = like instanceof Float32Array;
  return {
    vectors: (count = 1) => (isSingle ? new Float32Array(count * length) : new Float64Array(count * length)) as A,
    doubles: (count) => new Float64Array(count),
    integers: (count) => new Int32Array(count),
    adopt: (vector) => vector,
    close: () => {},
  };
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** The first place where so many bytes are free; undefined where there are no kernels or no memory. */
function takeRange(bytes: number): Place | undefined {
  for (const block of blocks) {
    const index = block.free.findIndex(({ from, to }) => to - from >= bytes);
    if (index < 0) continue;
    const { from, to } = block.free[index];
    const rest = from + bytes < to ? [{ from: from + bytes, to }] : [];
    block.free = block.free.toSpliced(index, 1, ...rest);
    return { block, range: { from, to: from + bytes } };
  }
  // From a line on, so that no array is at the address 0, which stands for none.
  const memory = createKernelMemory(Math.max(blockBytes, bytes + alignment));
  if (memory === undefined) return undefined;
  const block: Block = { memory, free: [{ from: alignment, to: memory.buffer.byteLength }] };
  blocks.add(block);
  return takeRange(bytes);
}

function giveBack({ block, range: { from, to } }: Place): void {
  const before = block.free.find((range) => range.to === from);
  const after = block.free.find((range) => range.from === to);
  const others = block.free.filter((range) => range !== before && range !== after);
  block.free = [...others, { from: before?.from ?? from, to: after?.to ?? to }].sort((a, b) => a.from - b.from);
  if (isFree(block) && freeBytes() > keptBytes) blocks.delete(block);
}

function isFree({ memory, free }: Block): boolean {
  const [first] = free;
  return free.length === 1 && first.from === alignment && first.to === memory.buffer.byteLength;
}

/** The memories' bytes that nobody has at the moment, and those that somebody has. */
export function workspaceBytes(): { readonly free: number; readonly taken: number } {
  const all = [...blocks].reduce((sum, { memory }) => sum + memory.buffer.byteLength - alignment, 0);
  return { free: freeBytes(), taken: all - freeBytes() };
}

function freeBytes(): number {
  let sum = 0;
  for (const { free } of blocks) for (const { from, to } of free) sum += to - from;
  return sum;
}
