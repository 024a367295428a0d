import { type JsonDocument, readJson } from './json/read-json.ts';
import { profileLimits } from './read-profile.ts';
import { readYamlDocuments } from './yaml/read-yaml.ts';

/** Reads the documents of a file: one of JSON, or those of YAML. Throws as their readers do. */
export function readDocuments(bytes: Uint8Array, source: string): readonly JsonDocument[] {
  return isJson(bytes) ? [readJson(bytes, source, profileLimits)] : readYamlDocuments(bytes, source, profileLimits);
}

/**
 * Reports whether a text is JSON rather than YAML, by its first character: the reader of JSON is
 * stricter and faster.
 */
export function isJson(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => !isBlank(byte));
  return first === 0x7b || first === 0x5b || first === 0x22;
}

/** Reports whether a byte is a blank of JSON. */
export function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}
