import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layoutRepository } from '#lib/registry/layout/repository';
import type { Repository } from '#lib/registry/target';

/** An empty OCI layout that is gone after its use. */
export interface TemporaryLayout {
  readonly folder: string;
  /** Of its one repository. */
  readonly name: string;
  readonly repository: Repository;
}

/** Runs an action with an OCI layout of its own, readable by nobody else, and removes it. */
export async function withTemporaryLayout(action: (layout: TemporaryLayout) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-'));
  const name = 'archive';
  try {
    await action({ folder, name, repository: layoutRepository(folder, name) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
