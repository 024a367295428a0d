import type { CatalogNews } from '#lib/catalog/catalog-news';
import { FairleadError, shownMessage } from '#lib/errors';
import { pullAnyKind } from '#lib/node/pull/pull-any-kind';
import type { ProfileDiff } from '#lib/profile/change';
import { diffProfiles } from '#lib/profile/diff-profiles';
import type { RuntimeProfile } from '#lib/profile/profile';
import { isLoosened, renderDiffText } from '#lib/profile/render-diff';
import { resolveProfile } from '#lib/profile/resolve-profile';
import { referenceHost } from '#lib/profile/seccomp/call-counts';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import type { Digest } from '#lib/registry/digest';
import { parseReference } from '#lib/registry/reference';
import type { Document } from '../documents/documents.ts';
import type { Connect } from '../options/connect.ts';
import { oneLine } from '../terminal/output.ts';
import { versionLabel } from './entry-text.ts';
import type { CatalogPolicy } from './open-catalogs.ts';

/** News, and what an updated profile permits that the version before did not. */
export interface ComparedNews extends CatalogNews {
  readonly diff?: ProfileDiff;
  /** Why the versions could not be compared. */
  readonly problem?: string;
}

/**
 * Compares the two versions of an updated profile, which are pulled under the policy. What keeps
 * them from being compared, such as a version that was deleted, is noted: the news hold without.
 */
export async function compareNews(
  news: CatalogNews,
  { policy, connect }: { readonly policy: CatalogPolicy; readonly connect: Connect },
): Promise<ComparedNews> {
  const { repository, from, to } = news;
  if (from === undefined || to === undefined) return news;
  const pull = async (digest: Digest): Promise<RuntimeProfile> => {
    const reference = { ...parseReference(repository), digest };
    const { profile } = await pullAnyKind(reference, { policy, connect });
    return resolveProfile(profile, referenceHost);
  };
  try {
    const [before, after] = await Promise.all([pull(from), pull(to.descriptor.digest)]);
    return { ...news, diff: diffProfiles(before, after, nativeArchitecture(referenceHost.architecture)) };
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind === 'Internal') throw error;
    return { ...news, problem: shownMessage(error) };
  }
}

/** Returns news for a JSON document. */
export function newsDocument(news: ComparedNews): Document<'catalog follow'>['news'][number] {
  const { repository, change, from, to, diff, problem } = news;
  return {
    repository,
    change,
    from: from === undefined ? null : `${repository}@${from}`,
    to: to === undefined ? null : `${repository}@${to.descriptor.digest}`,
    tag: to?.tags[0] ?? null,
    loosened: diff === undefined ? null : isLoosened(diff),
    changes: diff?.changes ?? [],
    rewritten: diff?.rewritten ?? [],
    problem: problem ?? null,
  };
}

/** Returns news in lines. */
export function newsText({ repository, change, from, to, diff, problem }: ComparedNews): string {
  const label = to === undefined ? '' : `  ${versionLabel(to)}`;
  const lines = [oneLine(`${change.padEnd(8)} ${repository}${label}`)];
  if (to !== undefined) lines.push(`  to       ${to.descriptor.digest}`);
  if (from !== undefined) lines.push(`  from     ${from}`);
  if (problem !== undefined) lines.push(oneLine(`  not compared: ${problem}`));
  if (diff !== undefined)
    lines.push(
      ...renderDiffText(diff)
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`),
    );
  return lines.join('\n');
}
