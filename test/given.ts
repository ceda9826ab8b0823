/** `value`, of which a test says that it is there: null and undefined fail the test, in words that say what else was expected. */
export function given<T>(value: T): NonNullable<T> {
  if (value === undefined || value === null) throw new Error(`a value was expected, got ${value}`);
  return value;
}
