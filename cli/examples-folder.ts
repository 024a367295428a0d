import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder `examples` of this package: beside `cli` in a checkout, beside `dist` where it is installed. */
export function examplesFolder(): string {
  const inCheckout = new URL('../examples/', import.meta.url);
  return fileURLToPath(existsSync(inCheckout) ? inCheckout : new URL('../../examples/', import.meta.url));
}
