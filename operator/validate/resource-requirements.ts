import { quote } from '#lib/text/quote';
import type { Violation } from './verdict.ts';

interface Requirements {
  readonly limits?: Readonly<Record<string, number | string>> | undefined;
  readonly requests?: Readonly<Record<string, number | string>> | undefined;
}

/**
 * Returns what the API server would refuse of the pods that are to have these requirements:
 * negative quantities, and requests above the limit.
 */
export function resourceViolations(field: string, { limits = {}, requests = {} }: Requirements): readonly Violation[] {
  const violations: Violation[] = [];
  for (const [list, quantities] of Object.entries({ limits, requests })) {
    for (const [name, quantity] of Object.entries(quantities)) {
      if (amountOf(quantity) >= 0) continue;
      const problem = `${quote(String(quantity), 32)} is negative`;
      violations.push({ field: `${field}.${list}.${name}`, problem, fix: 'Write a quantity of at least 0.' });
    }
  }
  for (const [name, request] of Object.entries(requests)) {
    const limit = Object.hasOwn(limits, name) ? limits[name] : undefined;
    if (limit === undefined || amountOf(request) <= amountOf(limit)) continue;
    violations.push({
      field: `${field}.requests.${name}`,
      problem: `${quote(String(request), 32)} is more than the limit ${quote(String(limit), 32)}`,
      fix: 'Request at most the limit.',
    });
  }
  return violations;
}

const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Returns the number that a valid quantity stands for. */
function amountOf(quantity: number | string): number {
  const [, number = '', suffix = ''] = /^([+-]?[0-9.]+(?:[eE][+-]?[0-9.]+)?)([a-zA-Z]*)$/.exec(String(quantity)) ?? [];
  return Number(number) * (factors[suffix] ?? 1);
}
