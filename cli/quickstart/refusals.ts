import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorKind, FairleadError } from '#lib/errors';
import { pullProfile } from '#lib/node/pull/pull-profile';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { formatReference, parseReference, type Reference } from '#lib/registry/reference';
import { publish } from '#services/push/publish';
import type { Narrator } from './narrator.ts';
import type { Walk } from './path.ts';

/** Shows two refusals: an artifact that nobody signed, and a repository that no rule allows. */
export async function showRefusals(walk: Walk, tell: Narrator): Promise<void> {
  tell.step('Try what must be refused');
  const unsigned = parseReference('localhost/security/nginx:unsigned');
  const profile = await readFile(join(walk.folder, 'nginx.json'));
  // Without another title it would be the very artifact that is signed.
  const title = 'unsigned.json';
  tell.command(
    `fairlead push nginx.json ${formatReference(unsigned)} --title ${title} --unsigned --oci-layout registry`,
  );
  await publish(
    profile,
    { reference: unsigned, title },
    { target: walk.connect(unsigned), clock: () => new Date(), limits: defaultPublicationLimits },
  );
  await showRefusal(unsigned, 'SignatureInvalid', walk, tell);
  await showRefusal(parseReference('registry.example.com/somebody/nginx:1.27'), 'NotAllowed', walk, tell);
}

async function showRefusal(reference: Reference, expected: ErrorKind, walk: Walk, tell: Narrator): Promise<void> {
  tell.command(`fairlead pull ${formatReference(reference)} --policy policy.yaml --oci-layout registry`);
  try {
    await pullProfile({ reference, kind: 'Seccomp' }, walk);
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind !== expected) throw error;
    tell.refused(error);
    return;
  }
  throw new FairleadError('Internal', `${formatReference(reference)} was pulled, though it must be refused`);
}
