import { basename } from 'node:path';
import type { CatalogProfile } from '#lib/catalog/entry';
import type { CatalogSearch } from '#lib/catalog/search';
import { FairleadError } from '#lib/errors';
import type { LocalPaths } from '#lib/http/local-paths';
import type { FoundProfile } from '#lib/node/find/find-profiles';
import { formatPlatform } from '#lib/registry/platform';
import type { Reference } from '#lib/registry/reference';
import type { FollowedCatalogs } from '../../catalogs.ts';
import type { VerifiedProfiles } from '../../verified/verified-profiles.ts';
import { answerInTime } from '../checks/answer-in-time.ts';
import { shownReason } from '../checks/trust.ts';
import type { AttachedProfiles, ImageView } from './image-view.ts';

/** What loadImage works with. */
export interface ImageDependencies {
  readonly catalogs: Pick<FollowedCatalogs, 'current'>;
  readonly localPaths: () => LocalPaths;
  readonly profiles: Pick<VerifiedProfiles, 'findAttached'>;
}

/** Profiles of the catalogs that the page lists. */
const shownProfiles = 50;

/**
 * Finds the profiles of a container image: those that are attached to it in its registry, verified
 * under the policy in force, and those that the catalogs state to be made for it. A registry that
 * does not answer, and an image that the policy allows no profiles of, are part of the page.
 */
export async function loadImage(
  image: Reference,
  { catalogs, ...dependencies }: ImageDependencies,
  signal: AbortSignal,
): Promise<ImageView> {
  const { profiles, total } = madeFor(image, catalogs.current());
  const found = await attachedTo(image, dependencies, signal);
  return { image, ...found, made: profiles, madeTotal: total };
}

/** Docker Hub's images have short names, too. */
function madeFor(
  { registry, repository }: Reference,
  catalog: CatalogSearch,
): { profiles: CatalogProfile[]; total: number } {
  const short = registry === 'docker.io' ? [repository.replace(/^library\//, '')] : [];
  const results = [`${registry}/${repository}`, ...short].map((image) =>
    catalog.search({ image, sort: 'name', limit: shownProfiles }),
  );
  const profiles = new Map(
    results.flatMap((result) => result.profiles.map((each) => [`${each.registry}/${each.repository}`, each] as const)),
  );
  const total = results.reduce((sum, result) => sum + result.total, 0);
  return { profiles: [...profiles.values()].slice(0, shownProfiles), total: Math.max(total, profiles.size) };
}

async function attachedTo(
  image: Reference,
  { localPaths, profiles: verified }: Omit<ImageDependencies, 'catalogs'>,
  signal: AbortSignal,
): Promise<Pick<ImageView, 'digest' | 'attached'>> {
  if (image.tag === undefined && image.digest === undefined) {
    return {
      attached: {
        problem: 'The address names no version of the image. Add a tag or a digest to find what is attached to it',
      },
    };
  }
  try {
    const {
      image: pinned,
      profiles,
      refused,
      unexamined,
    } = await answerInTime({ registry: image.registry, signal }, (bounded) => verified.findAttached(image, bounded));
    const attached: AttachedProfiles = {
      profiles: profiles.map(described),
      refused: refused.map(({ reference, error }) => ({
        digest: reference.digest,
        why: shownReason(error, localPaths()),
      })),
      unexamined,
    };
    return { digest: pinned.digest, attached };
  } catch (error) {
    if (error instanceof FairleadError) return { attached: { problem: shownReason(error, localPaths()) } };
    throw error;
  }
}

type Described = Extract<AttachedProfiles, { readonly profiles: unknown }>['profiles'][number];

function described({ kind, name, version, summary, reference, subject, pulled }: FoundProfile): Described {
  const [first] = pulled.verification.signatures;
  const signer =
    first === undefined ? 'not signed' : (first.certificate?.identity ?? `key ${basename(first.key ?? '')}`);
  return {
    kind,
    reference,
    signer,
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    ...(summary !== undefined && { summary }),
    ...(subject.platform !== undefined && { platform: formatPlatform(subject.platform) }),
  };
}
