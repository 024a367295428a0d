import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorKind, FairleadError } from '#lib/errors';
import { pullProfile } from '#lib/node/pull/pull-profile';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { formatReference, parseReference, type Reference } from '#lib/registry/reference';
import { publish } from '#services/push/publish';
import type { Narrator } from './narrator.ts';
import type { Walk } from './path.ts';

/** Shows two refusals: of an artifact without a signature, and of a repository that no rule allows.
 * Throws Internal if one of them is pulled. */
export async function showRefusals(walk: Walk, tell: Narrator): Promise<void> {
  tell.step('See two artifacts refused');
  const unsigned = parseReference('localhost/security/nginx:unsigned');
  const profile = await readFile(join(walk.directory, 'nginx.json'));
  // With the same title, the artifact would have the same digest as the signed one.
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
  await showRefusal(parseReference('registry.example.com/other/nginx:1.27'), 'NotAllowed', walk, tell);
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
  throw new FairleadError(
    'Internal',
    `${formatReference(reference)} was pulled, but must be refused: want ${expected}`,
  );
}
