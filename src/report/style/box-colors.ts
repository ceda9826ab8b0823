/**
 * @file The colors of boxes, the same in panels, pages and figures: sky blue and vermillion of the palette of Okabe and Ito ("Color Universal
 * Design", 2008), which people with any of the common color deficiencies tell apart. Where there is room the true box is dashed besides.
 */

export type Color = readonly [red: number, green: number, blue: number];

/** The color of a box that was found, and of one that is known to be right. */
export const boxColors = { found: [86, 180, 233], groundTruth: [213, 94, 0] } as const;
