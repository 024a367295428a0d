import { parseExactJson } from '#lib/text/exact-json';
import type { Json } from '../api/shared/json.ts';

/** Parses JSON; numbers keep all their digits ({@link parseExactJson}). Throws SyntaxError. */
export function parseJson(text: string): Json {
  return parseExactJson(text) as Json;
}

/** Writes JSON as the API server does: without spaces. */
export function writeJson(value: Json): string {
  return JSON.stringify(value);
}
