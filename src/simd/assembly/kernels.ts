/**
 * @file The kernels in AssemblyScript: compiled to WebAssembly with SIMD by `npm run kernels`.
 *
 * Each does, bit for bit, what the TypeScript does that it stands for. What is added up from element to element is added in the
 * same order: the lanes of a register are two rows or two sums, not two stretches of one. Arguments are byte addresses
 * in the module's memory and lengths in elements. Decorators are AssemblyScript's, which editors have to ignore.
 */
export { innerProducts, innerProductsAt, combineRows } from "./row-products";
export { moveTo, gainAlong, scale, writePair, largestIfFinite, findInBox, moveToBounds, clip, clipBetween } from "./steps";
export { subtractScaled, subtractSigns, climbInBox, mix, adam } from "./update-rules";
export { toBytes, lengthen, distancesBetween } from "./bytes";
export { addSquare, squareProduct, squareProducts, divide, fillPowers, tabulateSums, tabulateSlopes } from "./smooth-masks";
export { correlateColumns, correlateRows } from "./correlation";
export { growComponents } from "./components";
export { addAlikePixels } from "./patches";
export { squaredDistances } from "./squared-distances";
