import { layoutRepository } from '#lib/registry/layout/repository';
import type { Repository } from '#lib/registry/target';
import { removedAfter } from './removed-after.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** An empty OCI layout that is removed after its use. */
export interface TemporaryLayout {
  readonly directory: string;
  /** Name of its one repository. */
  readonly name: string;
  readonly repository: Repository;
}

/**
 * Runs an action with a new OCI layout that only this user can read, and removes the layout, also
 * if a signal ends the process. Throws InvalidInput if the layout cannot be created in the
 * directory for temporary files.
 */
export async function withTemporaryLayout(action: (layout: TemporaryLayout) => Promise<void>): Promise<void> {
  const directory = await temporaryDirectory('fairlead-');
  const name = 'archive';
  await removedAfter(directory, () => action({ directory, name, repository: layoutRepository(directory, name) }));
}
