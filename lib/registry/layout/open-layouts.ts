import { FairleadError } from '#lib/errors';
import { parseReference, type Reference } from '../reference.ts';
import { listLayout } from './list-layout.ts';
import { type OpenedLayout, openLayout } from './open-layout.ts';
import { repositoryDirectory } from './repository-directory.ts';

/** A layout in a directory of many, and its path. */
export interface LayoutBelow {
  readonly root: string;
  readonly layout: OpenedLayout;
}

/**
 * Opens all layouts of a directory of many (see repositoryDirectory). Their artifacts have the name
 * of their directory: of a repository without a registry, as if it were of localhost. Returns []
 * for a directory without layouts. Rejects as listLayout and openLayout do.
 */
export async function openLayouts(directory: string): Promise<readonly LayoutBelow[]> {
  const opened: LayoutBelow[] = [];
  for (const name of await listLayout(directory)) {
    const root = repositoryDirectory(directory, name);
    const { roots, repository } = await openLayout(root);
    const own = ownName(name);
    const named = roots.map((each) => ({
      ...each,
      references: each.tags.length === 0 ? [own] : each.tags.map((tag): Reference => ({ ...own, tag })),
    }));
    opened.push({ root, layout: { roots: named, repository } });
  }
  return opened;
}

function ownName(name: string): Reference {
  try {
    return parseReference(name);
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    return parseReference(`localhost/${name}`);
  }
}
