import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { parseReference, type Reference } from '#lib/registry/reference';
import { type CelRule, kubernetes } from './kubernetes.ts';

/** The longest reference: a name of 255 characters, a tag and a digest. */
const longestReference = 255 + ':'.length + 128 + '@sha256:'.length + 64;

/** What an expression compares. The operator itself parses references, as all commands do. */
const namePattern = '[^/@\\\\s]+/[^@\\\\s]+';

/** An artifact, pinned to its digest: it means the same bytes on every node, at every time. */
export const pinnedReferenceSchema = referenceSchema(
  {
    rule: `self.matches('^${namePattern}@sha256:[0-9a-f]{64}$') && !self.matches('/[^/@]*:[^/@]*@')`,
    message: 'must be registry/repository@sha256:<64 hex digits>, without a tag',
  },
  ({ tag, digest }) => tag === undefined && isSha256(digest),
);

/** An artifact by its tag, its digest, or both; the digest decides. */
export const artifactReferenceSchema = referenceSchema(
  {
    rule: `self.matches('^${namePattern}$') ? self.matches('/[^/]*:[^/]+$') : self.matches('^${namePattern}@sha256:[0-9a-f]{64}$')`,
    message: 'must be registry/repository:tag or registry/repository@sha256:<64 hex digits>',
  },
  ({ tag, digest }) => (digest === undefined ? tag !== undefined : isSha256(digest)),
);

function isSha256(digest: string | undefined): boolean {
  return digest?.startsWith('sha256:') === true;
}

/** Returns the schema of references for which `holds`; the reason of a refusal is in words. */
function referenceSchema(rule: CelRule, holds: (reference: Reference) => boolean) {
  return v.pipe(
    v.string(),
    v.maxLength(longestReference),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const problem = problemOf(dataset.value);
      if (problem !== undefined) addIssue({ message: problem });
    }),
    kubernetes({ validations: [rule] }),
  );

  function problemOf(text: string): string | undefined {
    try {
      return holds(parseReference(text)) ? undefined : rule.message;
    } catch (thrown) {
      if (!(thrown instanceof FairleadError)) throw thrown;
      return thrown.hint === undefined ? thrown.summary : `${thrown.summary}. ${thrown.hint}`;
    }
  }
}
