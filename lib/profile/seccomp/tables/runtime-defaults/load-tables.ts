import type { RuntimeIdentity, RuntimeName } from '../runtime-identity.ts';
import { runtimeNames } from '../runtime-identity.ts';
import { assume, type RuntimeDefaultChoice, selectTables } from './select-tables.ts';
import type { RuntimeDefaultTable } from './table.ts';

/** Imported on demand: most commands, and a shim without profiles to apply, need none of them. */
const loaders: Readonly<Record<RuntimeName, () => Promise<readonly RuntimeDefaultTable[]>>> = {
  containerd: async () => (await import('./containerd.ts')).containerd,
  'cri-o': async () => (await import('./cri-o.ts')).criO,
  docker: async () => (await import('./docker.ts')).docker,
};

/** Returns the tables of every known release of a runtime, oldest first. */
export function loadTables(name: RuntimeName): Promise<readonly RuntimeDefaultTable[]> {
  return loaders[name]();
}

/**
 * Returns the tables for the runtime of a node; see {@link selectTables}.
 *
 * @param identity undefined for a runtime that is not known: then the tables of all runtimes, since
 * no single one is the strictest.
 */
export async function loadRuntimeDefaults(identity: RuntimeIdentity | undefined): Promise<RuntimeDefaultChoice> {
  if (identity !== undefined) return selectTables(await loadTables(identity.name), identity);
  const tables = await Promise.all(runtimeNames.map(loadTables));
  return assume('the runtime is not known', tables.flat());
}
