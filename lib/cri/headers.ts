import type { OutgoingHttpHeaders } from 'node:http2';

/**
 * Makes a raw HTTP/2 header list (name, value, name, value, …) ready to be sent on, exactly as it
 * came: a name that stands twice stays two lines, which gRPC tells apart from one line with a comma
 * (gRPC over HTTP/2, Custom-Metadata).
 */
export function carryHeaders(raw: readonly string[]): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = Object.create(null);
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as string;
    const value = raw[index + 1] as string;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else headers[name] = [String(before), value];
  }
  return headers;
}

const unitsInMilliseconds: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/**
 * Parses a `grpc-timeout` header into milliseconds; undefined if it is missing or invalid.
 */
export function parseTimeout(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string') return undefined;
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  if (match === null) return undefined;
  return Number(match[1]) * (unitsInMilliseconds[match[2] as string] as number);
}

/**
 * Writes milliseconds as a `grpc-timeout` header: at least 1 ms, and in seconds if the
 * milliseconds do not fit into eight digits.
 */
export function formatTimeout(milliseconds: number): string {
  const whole = Math.max(1, Math.floor(milliseconds));
  return whole <= 99_999_999 ? `${whole}m` : `${Math.min(99_999_999, Math.floor(whole / 1000))}S`;
}
