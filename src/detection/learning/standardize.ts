/** @file Means and spreads of columns: what makes numbers of different units comparable. */

/** Mean and population standard deviation of each column. */
export interface Columns {
  readonly mean: Float64Array;
  /** 1 where a column does not vary, so that nothing is divided by 0. */
  readonly deviation: Float64Array;
}

/** The columns of `rows`, which have one length and are at least one. */
export function columnsOf(rows: readonly ArrayLike<number>[]): Columns {
  const width = rows[0].length;
  const mean = new Float64Array(width);
  const squares = new Float64Array(width);
  for (const [n, row] of rows.entries()) {
    for (let j = 0; j < width; j++) {
      const difference = row[j] - mean[j];
      mean[j] += difference / (n + 1);
      squares[j] += difference * (row[j] - mean[j]);
    }
  }
  return { mean, deviation: squares.map((sum) => Math.sqrt(sum / rows.length) || 1) };
}

/** The row in units of the columns' deviations from their means. */
export function standardized(row: ArrayLike<number>, { mean, deviation }: Columns): Float64Array {
  const result = new Float64Array(row.length);
  for (let j = 0; j < result.length; j++) result[j] = (row[j] - mean[j]) / deviation[j];
  return result;
}
