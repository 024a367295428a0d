import { FairleadError } from '#lib/errors';
import { repositoryName } from '#lib/registry/registry-name';
import { quote } from '#lib/text/quote';

/** Why a bundle never meets a rule with `signedRepository`. */
export const namesNoRepository = 'it does not name the repository that it was made for (bundles never do)';

/**
 * Throws SignatureInvalid unless a signature names this repository (`registry/repository`): the
 * same bytes in another repository are refused if the rule requires it. A tag in the name is
 * ignored.
 */
export function assertSignedRepository(dockerReference: string | undefined, repository: string): void {
  if (dockerReference === undefined) throw new FairleadError('SignatureInvalid', namesNoRepository);
  const [, named] = /^([^@]*?)(?::[^/:@]*)?(?:@.*)?$/.exec(dockerReference) ?? [];
  if (named !== undefined && repositoryName(named) === repositoryName(repository)) return;
  throw new FairleadError('SignatureInvalid', `it was made for ${quote(dockerReference, 300)}`);
}
