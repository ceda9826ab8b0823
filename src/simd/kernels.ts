/** @file The kernels as functions on vectors in one memory. */
/** Numbers of a byte address in the memory, and of lengths in elements: `assembly/` says what each function does. */
export interface KernelExports {
  innerProducts(
    ...given: [vector: number, rows: number, offsets: number, count: number, products: number, length: number]
  ): void;
  innerProductsAt(
    ...given: [
      indices: number,
      size: number,
      vector: number,
      rows: number,
      offsets: number,
      count: number,
      products: number,
    ]
  ): void;
  combineRows(
    ...given: [
      scale: number,
      vector: number,
      rows: number,
      offsets: number,
      coefficients: number,
      count: number,
      target: number,
      length: number,
      sums: number,
    ]
  ): number;
  moveTo(
    ...given: [
      trial: number,
      point: number,
      direction: number,
      length: number,
      lows: number,
      highs: number,
      gradient: number,
      gain: number,
      size: number,
    ]
  ): number;
  gainAlong(...given: [gradient: number, from: number, to: number, size: number]): number;
  scale(...given: [vector: number, factor: number, size: number]): void;
  writePair(
    ...given: [
      s: number,
      y: number,
      step: number,
      from: number,
      gradient: number,
      previous: number,
      measures: number,
      size: number,
    ]
  ): void;
  largestIfFinite(...given: [vector: number, size: number]): number;
  findInBox(
    ...given: [
      point: number,
      gradient: number,
      lows: number,
      highs: number,
      indices: number,
      moves: number,
      residual: number,
      size: number,
    ]
  ): number;
  moveToBounds(...given: [direction: number, gradient: number, indices: number, count: number, moves: number]): number;
  clip(...given: [vector: number, lows: number, highs: number, size: number]): void;
  clipBetween(...given: [vector: number, least: number, greatest: number, size: number]): void;
  subtractScaled(...given: [next: number, point: number, factor: number, vector: number, size: number]): number;
  subtractSigns(
    ...given: [next: number, point: number, factor: number, vector: number, lows: number, highs: number, size: number]
  ): number;
  climbInBox(
    point: number,
    previous: number,
    gradient: number,
    stepSize: number,
    kept: number,
    lows: number,
    highs: number,
    size: number,
  ): void;
  mix(...given: [velocity: number, kept: number, gradient: number, share: number, size: number]): void;
  adam(
    ...given: [
      next: number,
      point: number,
      gradient: number,
      mean: number,
      meanSquare: number,
      beta1: number,
      share1: number,
      beta2: number,
      share2: number,
      factor: number,
      correction: number,
      epsilon: number,
      size: number,
    ]
  ): number;
  toBytes(
    ...given: [
      image: number,
      clean: number,
      bytes: number,
      outward: number,
      epsilon: number,
      tolerance: number,
      size: number,
    ]
  ): void;
  lengthen(
    ...given: [
      image: number,
      clean: number,
      length: number,
      least: number,
      greatest: number,
      longer: number,
      size: number,
    ]
  ): void;
  distancesBetween(...given: [a: number, b: number, plane: number, channels: number, distances: number]): void;
  addSquare(
    ...given: [
      a: number,
      b: number,
      width: number,
      fromY: number,
      toY: number,
      fromX: number,
      toX: number,
      top: number,
      left: number,
      reach: number,
      first: number,
      second: number,
    ]
  ): void;
  squareProduct(
    ...given: [
      sums: number,
      a: number,
      b: number,
      width: number,
      fromY: number,
      toY: number,
      fromX: number,
      toX: number,
      top: number,
      left: number,
      reach: number,
      first: number,
      second: number,
    ]
  ): void;
  squareProducts(
    ...given: [
      sums: number,
      a: number,
      b: number,
      width: number,
      fromY: number,
      toY: number,
      fromX: number,
      toX: number,
      top: number,
      left: number,
      reach: number,
      first: number,
      second: number,
      step: number,
    ]
  ): void;
  divide(...given: [a: number, b: number, ratio: number, factor: number, product: number, size: number]): void;
  correlateColumns(
    ...given: [
      source: number,
      height: number,
      width: number,
      weights: number,
      taps: number,
      mirrored: number,
      result: number,
    ]
  ): void;
  correlateRows(
    ...given: [
      source: number,
      height: number,
      width: number,
      weights: number,
      taps: number,
      mirrored: number,
      line: number,
      result: number,
    ]
  ): void;
  fillPowers(
    ...given: [powers: number, kernels: number, value: number, temperature: number, half: number, columns: number]
  ): void;
  tabulateSums(
    ...given: [
      first: number,
      second: number,
      powers: number,
      kernels: number,
      value: number,
      half: number,
      columns: number,
      reach: number,
    ]
  ): void;
  tabulateSlopes(
    ...given: [
      first: number,
      second: number,
      powers: number,
      kernels: number,
      value: number,
      temperature: number,
      half: number,
      columns: number,
      reach: number,
    ]
  ): void;
  growComponents(
    ...given: [
      order: number,
      from: number,
      to: number,
      width: number,
      neighbors: number,
      neighborCount: number,
      parent: number,
      size: number,
      first: number,
      boxes: number,
      count: number,
      before: number,
    ]
  ): number;
  addAlikePixels(
    ...given: [
      pixels: number,
      planes: number,
      height: number,
      width: number,
      reach: number,
      around: number,
      table: number,
      limit: number,
      squares: number,
      columns: number,
      weights: number,
      sums: number,
    ]
  ): void;
  squaredDistances(
    ...given: [point: number, rows: number, from: number, to: number, size: number, distances: number]
  ): void;
}

/** What of WebAssembly is used here, which not every set of types knows. */
interface WebAssemblyApi {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (size: {
    readonly initial: number;
    readonly maximum: number;
  }) => { readonly buffer: ArrayBuffer };
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

/** A memory of one module, with the module's functions on it; it never grows. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
  readonly kernels: KernelExports;
}

let binary: string | undefined;

/**
 * Settled when the module is there, or is known not to come. It is loaded beside what a page needs first; a search that begins before it goes
 * without kernels, to the same result.
 */
export const kernelsLoaded: Promise<void> = import("./kernels-binary.ts").then(
  ({ kernelsBinary }) => {
    binary = kernelsBinary;
  },
  () => {
    // A page that lost its server, or a bundler that left it out.
  },
);

let compiled: { readonly api: WebAssemblyApi; readonly module: object } | "none" | undefined;

/** The module, compiled once; "none" where WebAssembly, its SIMD or the permission to compile is missing. */
function compile(text: string): typeof compiled {
  const { WebAssembly: api } = globalThis as { readonly WebAssembly?: WebAssemblyApi };
  // The memory is little-endian everywhere, and views of it are what the machine is.
  if (api === undefined || new Uint8Array(Uint16Array.of(1).buffer)[0] !== 1) return "none";
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  try {
    return api.validate(bytes) ? { api, module: new api.Module(bytes) } : "none";
  } catch {
    // A page may forbid to compile.
    return "none";
  }
}

const pageBytes = 2 ** 16;
const homes = new WeakMap<ArrayBufferLike, KernelExports>();
let isWanted = true;

/** For tests and measurements: whether there are kernels for searches that begin from now on. Results do not depend on it. */
export function useKernels(wanted: boolean): void {
  isWanted = wanted;
}

/** Whether {@link useKernels} wants kernels; there need not be any. */
export function areKernelsWanted(): boolean {
  return isWanted;
}

/** The kernels for arrays that all lie in one of their memories; undefined for others. */
export function kernelsFor(...arrays: readonly ArrayBufferView[]): KernelExports | undefined {
  const [{ buffer }] = arrays;
  const kernels = homes.get(buffer);
  return kernels !== undefined && arrays.every((array) => array.buffer === buffer) ? kernels : undefined;
}

/** A memory of at least so many bytes; undefined where there are no kernels, or not so much memory. */
export function createKernelMemory(bytes: number): KernelMemory | undefined {
  if (binary === undefined) return undefined;
  compiled ??= compile(binary);
  const pages = Math.ceil(bytes / pageBytes);
  // One page less than all: the end of the last one would be an address of 33 bits.
  if (compiled === undefined || compiled === "none" || pages >= 2 ** 16) return undefined;
  const { api, module } = compiled;
  try {
    const memory = new api.Memory({ initial: pages, maximum: pages });
    const { exports } = new api.Instance(module, { env: { memory } });
    const kernels = exports as KernelExports;
    homes.set(memory.buffer, kernels);
    return { buffer: memory.buffer, kernels };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
