/**
 * @file Memory for a solver's vectors: in that of the kernels where there are some, else ordinary arrays.
 *
 * Searches come and go, and many run side by side, so they share a few memories, each with a list of what is free. A memory never grows, since
 * that would take it away from under all vectors in it.
 */
import { areKernelsWanted, createKernelMemory, type KernelMemory } from "./kernels.ts";

type FloatArray = Float32Array | Float64Array;

/**
 * Arrays of one search. What is in them at first is not said: others may have had the memory before. What the workspace has no room for is an
 * ordinary array, which the kernels leave alone.
 */
export interface Workspace<A extends FloatArray> {
  /** `count` vectors, one after the other; default 1. */
  vectors(count?: number): A;
  doubles(length: number): Float64Array;
  integers(length: number): Int32Array;
  /** A vector that the kernels can work on: `vector` copied to `place`, or `vector` itself where there are no kernels. */
  adopt(vector: A, place: A): A;
  /** Gives the memory back; what was had from here must not be used any more. */
  close(): void;
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
/** A vector keeps its workspace from being given back. */
const owners = new WeakMap<ArrayBufferView, Workspace<Float32Array>>();
const abandoned = new FinalizationRegistry<Place>(giveBack);

/** A workspace for vectors of the kind and the length of `like`, and numbers besides. */
export function openWorkspace<A extends FloatArray>(like: A, size: WorkspaceSize): Workspace<A> {
  const { length } = like;
  if (!(like instanceof Float32Array) || length < leastLength || !areKernelsWanted()) return ordinaryWorkspace(like);
  // Every array may begin farther on than the one before ends; no search has more than a few dozen.
  const bytes =
    size.vectors * (aligned(4 * length) + alignment) + 8 * size.doubles + 4 * size.integers + 64 * alignment;
  const place = takeRange(aligned(bytes));
  if (place === undefined) return ordinaryWorkspace(like);
  const { range } = place;
  const { buffer } = place.block.memory;
  let next = range.from;
  let isOpen = true;
  /** Where so many bytes begin, and in what; undefined stands for an array of its own. */
  const take = (bytes: number): readonly [ArrayBuffer | undefined, number] => {
    const from = next;
    if (from + aligned(bytes) > range.to) return [undefined, 0];
    next += aligned(bytes);
    return [buffer, from];
  };
  const workspace: Workspace<Float32Array> = {
    vectors(count = 1) {
      const [memory, from] = take(4 * count * length);
      if (memory === undefined) return new Float32Array(count * length);
      const vectors = new Float32Array(memory, from, count * length);
      owners.set(vectors, workspace);
      return vectors;
    },
    doubles(count) {
      const [memory, from] = take(8 * count);
      return memory === undefined ? new Float64Array(count) : new Float64Array(memory, from, count);
    },
    integers(count) {
      const [memory, from] = take(4 * count);
      return memory === undefined ? new Int32Array(count) : new Int32Array(memory, from, count);
    },
    adopt(vector, at) {
      at.set(vector);
      return at;
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      abandoned.unregister(workspace);
      giveBack(place);
    },
  };
  abandoned.register(workspace, place, workspace);
  return workspace as Workspace<FloatArray> as Workspace<A>;
}

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
