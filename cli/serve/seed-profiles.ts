import { FairleadError } from '#lib/errors';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import type { PolicySource } from '#lib/trust/policy/follow-policy';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';
import type { Signer } from '#lib/trust/sign/signer';
import { type Publication, publishMany } from '#services/push/publish-many';
import { readInput } from '../files/files.ts';
import type { Connect } from '../options/connect.ts';
import type { ProjectProfile } from '../project/project.ts';
import { readProject } from '../project/read-project.ts';
import { embeddedRepositories } from './embedded-repositories.ts';

/** What seedProfiles publishes with. */
export interface SeedDependencies {
  /** The OCI layout directory of `connect`. */
  readonly ociLayout: string;
  readonly connect: Connect;
  readonly signer: Signer | undefined;
  readonly policy: Pick<PolicySource, 'current'>;
}

/**
 * Publishes the profiles of a project file in an OCI layout directory that has no repository yet.
 * Returns how many were published: 0 at each further start. Throws the error of the first profile
 * that cannot be published.
 */
export async function seedProfiles(file: string, dependencies: SeedDependencies): Promise<number> {
  if ((await embeddedRepositories(dependencies.ociLayout)).length > 0) return 0;
  const { profiles, latest, overwrite } = await readProject(file);
  const publications = profiles.map((profile) => publicationOf(profile, { latest, overwrite }, dependencies));
  const outcomes = await publishMany(publications);
  for (const outcome of outcomes) {
    if (outcome.status !== 'failed' && outcome.status !== 'refused') continue;
    const { kind, message } = outcome.error;
    throw new FairleadError(kind, `${file}: ${outcome.name}: ${message}`, { cause: outcome.error });
  }
  return outcomes.length;
}

function publicationOf(
  { name, file, refused, reference, version, annotations }: ProjectProfile,
  tags: { readonly latest: boolean; readonly overwrite: boolean },
  { connect, signer, policy }: SeedDependencies,
): Publication {
  const { limits = defaultPublicationLimits } = policy.current;
  return {
    name,
    read: async () => {
      if (refused !== undefined) throw refused;
      return readInput(file, maxArtifactBytes);
    },
    request: {
      reference,
      source: file,
      annotations,
      overwrite: tags.overwrite,
      ...(version !== undefined && { version: { number: version, latest: tags.latest } }),
    },
    dependencies: { target: connect(reference), signer, clock: () => new Date(), limits, policy: policy.current },
  };
}
