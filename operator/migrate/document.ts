import { FairleadError } from '#lib/errors';
import { placesIn } from '#lib/profile/json/places';
import { type JsonDocument, type JsonLimits, readJson } from '#lib/profile/json/read-json';
import { isJson } from '#lib/profile/read-documents';
import { readYamlDocuments } from '#lib/profile/yaml/read-yaml';
import { composeDocuments } from '#lib/yaml/compose-documents';
import type { ManifestFile } from './migration.ts';
import { type Json, jsonOf } from './value.ts';

/** An export of a cluster is as large as what is in it. */
export const limits: JsonLimits = { bytes: 64 * 1024 * 1024, depth: 64, values: 2_000_000 };

/** A document of a file: its text, and its value if a migration may change it. */
export interface SourceDocument {
  readonly text: string;
  /** Lines of the file before it. */
  readonly linesBefore: number;
  readonly isJson: boolean;
  /** True if it is an object of Kubernetes. */
  readonly isManifest: boolean;
  /** True if it is a template with something of SPO in it: only what it renders can be migrated. */
  readonly isTemplate?: boolean;
  /** Undefined if nothing in it can concern a migration: it is not read, and stays as it is. */
  readonly read?: JsonDocument;
  readonly value?: Json;
}

/** What a document must contain to concern a migration. */
const concerning =
  /security-profiles-operator\.x-k8s\.io|spo\.x-k8s\.io\/|io\.containers\.trace-|operator\/[^/\s"']+\/[^\s"']|_[a-z0-9-]*\.process|seccomp\.security\.alpha|container\.apparmor\.|appArmorProfile|spo-(?:mutating|validating)-webhook/i;

/** What only documents for SPO before 1.0 have: an old version, or a namespace of a profile. */
const old = /security-profiles-operator\.x-k8s\.io\/v1(?:alpha|beta)|operator\/[^/\s"']+\/[^\s"']|_[a-z0-9-]*\.process/;

/**
 * Reads the documents of a file. Only those that may concern a migration are read with all their
 * values, as kubectl reads them.
 *
 * @throws FairleadError ProfileInvalid with `file:line:column` if such a document is invalid;
 * LimitExceeded.
 */
export function readManifests({ name, text }: ManifestFile): readonly SourceDocument[] {
  const bytes = Buffer.from(text);
  if (isJson(bytes) && !/^\s*\{\{/.test(text)) {
    const read = readJson(bytes, name, limits);
    return [{ text, linesBefore: 0, isJson: true, isManifest: true, read, value: jsonOf(read) }];
  }
  if (!concerning.test(text)) return [{ text, linesBefore: 0, isJson: false, isManifest: hasManifest(text) }];
  return split(name, text).map(({ text: part, linesBefore }) => {
    const document = { text: part, linesBefore, isJson: false, isManifest: hasManifest(part) };
    if (!concerning.test(part)) return document;
    try {
      const [read] = readOne(part, name, linesBefore);
      return read === undefined ? document : { ...document, read, value: jsonOf(read) };
    } catch (error) {
      if (!(error instanceof FairleadError) || !part.includes('{{')) throw error;
      return { ...document, isTemplate: old.test(part) };
    }
  });
}

/**
 * Returns the lines in the file of what pointers lead to, or of what is closest to it. All are
 * looked up in one pass.
 */
export function linesOf({ read, linesBefore }: SourceDocument, pointers: readonly string[]): readonly number[] {
  if (read === undefined) return pointers.map(() => linesBefore + 1);
  return placesIn(
    read,
    pointers.map((pointer) => [pointer]),
  ).map(({ line }) => linesBefore + line);
}

/**
 * Reads one document. The lines before it stand in front of it, so that errors name its place in
 * the file.
 */
function readOne(part: string, name: string, linesBefore: number): readonly JsonDocument[] {
  try {
    return isEmptyDocument(part) ? [] : readYamlDocuments(Buffer.from(part), name, limits);
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    throw new FairleadError(error.kind, placed(error.summary, name, linesBefore), {
      cause: error.cause,
      ...hintOf(error),
    });
  }
}

function hintOf({ kind, hint }: FairleadError): { readonly hint?: string } {
  if (kind === 'LimitExceeded') return { hint: 'Split the file, or export it as JSON: kubectl get … -o json.' };
  return hint === undefined ? {} : { hint };
}

function placed(summary: string, name: string, linesBefore: number): string {
  const [, line, rest] = /^:([0-9]+)(:.*)$/s.exec(summary.startsWith(name) ? summary.slice(name.length) : '') ?? [];
  return line === undefined ? summary : `${name}:${Number(line) + linesBefore}${rest}`;
}

function isEmptyDocument(part: string): boolean {
  return /^(?:\s*(?:#[^\n]*|---\s*|\.\.\.\s*)(?:\n|$))*\s*$/.test(part);
}

interface Part {
  readonly text: string;
  readonly linesBefore: number;
}

/** Returns the documents of a stream, of which each begins with its `---`. */
function split(name: string, text: string): readonly Part[] {
  const options = { schema: 'core', uniqueKeys: false, prettyErrors: false, logLevel: 'silent' } as const;
  const documents = composeDocuments(text, name, { depth: limits.depth, words: Number.POSITIVE_INFINITY }, options);
  const starts = documents.map(({ range }, index) => (index === 0 ? 0 : range[0]));
  let linesBefore = 0;
  return starts.map((start, index) => {
    const part = { text: text.slice(start, starts[index + 1] ?? text.length), linesBefore };
    linesBefore += part.text.split('\n').length - 1;
    return part;
  });
}

/** Reports whether a text has an object of Kubernetes at its top, by its lines. */
function hasManifest(text: string): boolean {
  return /^["']?apiVersion["']?[ \t]*:/m.test(text) && /^["']?kind["']?[ \t]*:/m.test(text);
}
