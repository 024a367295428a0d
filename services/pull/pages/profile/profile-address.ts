import { FairleadError } from '#lib/errors';
import { parseReference, type Reference } from '#lib/registry/reference';

/** The documents of a profile beside its page, by the ends of their addresses. */
export type ProfileDocument = 'pod.yaml' | 'profile.json';

/** What an address below `/profiles/` names. */
export interface ProfileRequestAddress {
  readonly reference: Reference;
  /** Absent for the page itself. */
  readonly document?: ProfileDocument;
}

const documents: readonly ProfileDocument[] = ['pod.yaml', 'profile.json'];

/**
 * Parses the rest of an address: `REGISTRY/REPOSITORY[:tag|@digest][/-/DOCUMENT]`. `-` is no
 * segment of a repository. Throws InvalidInput for an invalid reference, NotFound for another
 * document.
 */
export function parseProfileAddress(rest: string): ProfileRequestAddress {
  const [name = '', end, ...others] = rest.split('/-/');
  if (end === undefined) return { reference: parseReference(name) };
  const document = documents.find((known) => known === end);
  if (document !== undefined && others.length === 0) return { reference: parseReference(name), document };
  throw new FairleadError('NotFound', 'the profile has no document of this name', {
    hint: `The documents are ${documents.join(' and ')}.`,
  });
}
