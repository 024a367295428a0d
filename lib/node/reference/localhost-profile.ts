import { FairleadError } from '#lib/errors';
import type { ProfileMode } from '#lib/profile/constraint';
import { digestAlgorithms } from '#lib/registry/digest';
import { type PinnedReference, parsePinned } from '#lib/registry/pinned-reference';
import { quote } from '#lib/text/quote';

/** What a node intersects an artifact with besides its baseline. */
export type ProfileBase = 'RuntimeDefault' | { readonly localhost: string };

/** How a node is to apply an artifact. */
export interface ProfileParameters {
  readonly base?: ProfileBase | undefined;
  /** Absent if the node enforces the artifact. */
  readonly mode?: ProfileMode | undefined;
}

/** An artifact that a pod or container names as its profile. */
export interface ProfileReference extends ProfileParameters {
  /** `registry/repository@sha256:<64 hex digits>`. */
  readonly reference: string;
}

/** The same, with its reference parsed. */
export interface PinnedProfileReference extends ProfileParameters {
  readonly reference: PinnedReference;
}

/** Begins a Localhost profile that names an artifact: a directory below the seccomp root. */
const marker = 'oci/';
const pinned = new RegExp(`@(?:${digestAlgorithms.join('|')}):`);

/** Reports whether a path is, or may be meant as, a Localhost profile that names an artifact. */
export function mayNameArtifact(path: string): boolean {
  return path.startsWith(marker) || pinned.test(path);
}

/**
 * Returns the Localhost profile that names an artifact: `oci/<reference>`, then
 * `?base=RuntimeDefault` or `?base=localhost/<path>` if it has a base, and `mode=log` last if it is
 * not enforced.
 */
export function formatLocalhostProfile({ reference, base, mode }: ProfileReference): string {
  const parameters = [
    ...(base === undefined ? [] : [`base=${base === 'RuntimeDefault' ? base : `localhost/${base.localhost}`}`]),
    ...(mode === undefined ? [] : ['mode=log']),
  ];
  return `${marker}${reference}${parameters.length === 0 ? '' : `?${parameters.join('&')}`}`;
}

/**
 * Reads a Localhost profile that names an artifact, as {@link formatLocalhostProfile} writes it,
 * with its parameters in any order, and with a base in the older form `?base=<path>`. Operator and
 * shim read it here, so that what is checked is what runs. Returns undefined for any other path.
 * Throws InvalidInput for an invalid reference, and for parameters that are unknown, repeated or
 * invalid.
 */
export function parseLocalhostProfile(localhostProfile: string): PinnedProfileReference | undefined {
  if (!localhostProfile.startsWith(marker)) return undefined;
  const text = localhostProfile.slice(marker.length);
  const query = text.indexOf('?');
  if (query < 0) return { reference: parsePinned(text) };
  return { reference: parsePinned(text.slice(0, query)), ...parseParameters(text.slice(query + 1)) };
}

function parseParameters(query: string): ProfileParameters {
  const values = new Map<string, string>();
  for (const parameter of query.split('&')) {
    const [, name = '', value = ''] = /^(base|mode)=([^?#]+)$/.exec(parameter) ?? [];
    if (name === '' || values.has(name)) {
      throw invalid(
        `${quote(`?${query}`, 600)} after the digest is invalid`,
        'Only base=RuntimeDefault or base=localhost/<localhost profile>, and mode=log, may follow: ?base=RuntimeDefault&mode=log.',
      );
    }
    values.set(name, value);
  }
  const [base, mode] = [values.get('base'), values.get('mode')];
  return {
    ...(base !== undefined && { base: parseBase(base) }),
    ...(mode !== undefined && { mode: parseMode(mode) }),
  };
}

function parseMode(mode: string): ProfileMode {
  if (mode === 'log') return 'Log';
  throw invalid(`mode ${quote(mode, 600)} is unknown`, 'Write mode=log, or no mode if the profile is to be enforced.');
}

function parseBase(base: string): ProfileBase {
  if (base === 'RuntimeDefault') return base;
  const localhost = base.startsWith('localhost/') ? base.slice('localhost/'.length) : base;
  if (localhost.split('/').some((part) => part === '..' || part === '.' || part === '')) {
    throw invalid(
      `base profile ${quote(localhost, 600)} is not a path below the seccomp root`,
      'Name a file as localhostProfile does: a descending path without "..".',
    );
  }
  if (mayNameArtifact(localhost)) {
    throw invalid(`base profile ${quote(localhost, 600)} is a reference itself`, 'A base is a file on the node.');
  }
  return { localhost };
}

function invalid(message: string, hint: string): FairleadError {
  return new FairleadError('InvalidInput', message, { hint });
}
