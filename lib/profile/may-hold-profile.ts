import { FairleadError } from '#lib/errors';
import { documentsOf } from './choose-document.ts';
import { detectForm } from './detect-form.ts';
import { readDocuments } from './read-documents.ts';

/**
 * Reports whether a JSON or YAML file may hold a profile: false only if it can be read, and none of
 * its documents is in a form of profiles.
 */
export function mayHoldProfile(bytes: Uint8Array, source: string): boolean {
  try {
    return readDocuments(bytes, source)
      .flatMap(documentsOf)
      .some((document) => detectForm(document) !== undefined);
  } catch (error) {
    if (error instanceof FairleadError) return true;
    throw error;
  }
}
