import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { layoutRepository } from '#lib/registry/layout/repository';
import type { Repository } from '#lib/registry/target';
import { removedAfter } from './removed-after.ts';

/** An empty OCI layout that is gone after its use. */
export interface TemporaryLayout {
  readonly folder: string;
  /** Of its one repository. */
  readonly name: string;
  readonly repository: Repository;
}

/**
 * Runs an action with an OCI layout of its own, readable by nobody else, and removes it, also where
 * a signal ends the process. Throws InvalidInput where the system's folder for temporary files
 * takes none.
 */
export async function withTemporaryLayout(action: (layout: TemporaryLayout) => Promise<void>): Promise<void> {
  const parent = tmpdir();
  const folder = await mkdtemp(join(parent, 'fairlead-')).catch((cause: unknown) => {
    throw new FairleadError('InvalidInput', `cannot make a temporary folder in ${parent}`, {
      cause,
      hint: 'Set TMPDIR to a folder that this process can write to.',
    });
  });
  const name = 'archive';
  await removedAfter(folder, () => action({ folder, name, repository: layoutRepository(folder, name) }));
}
