/** @file The colors of boxes, the same in panels, pages and figures. */

export type Color = readonly [red: number, green: number, blue: number];

/** The color of a box that was found, and of one that is known to be right. */
export const boxColors = { found: [46, 204, 113], groundTruth: [231, 76, 60] } as const;
