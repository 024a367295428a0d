/** Returns the median; of an even number of samples, the greater one in the middle. */
export function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}

/** The quartiles of samples; of seven, the second and the sixth. */
export function quartiles(samples: readonly number[]): readonly [lower: number, upper: number] {
  const sorted = samples.toSorted((a, b) => a - b);
  const quarter = sorted.length >> 2;
  return [sorted[quarter] ?? Number.NaN, sorted[sorted.length - 1 - quarter] ?? Number.NaN];
}

/** Renders the median and, in parentheses, the quartiles. */
export function renderSpread(samples: readonly number[], digits: number): string {
  const [lower, upper] = quartiles(samples).map((quartile) => quartile.toFixed(digits));
  return `${median(samples).toFixed(digits)} (${lower}–${upper})`;
}
