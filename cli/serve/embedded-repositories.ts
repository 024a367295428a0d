import { FairleadError } from '#lib/errors';
import { listLayout } from '#lib/registry/layout/list-layout';

/** Lists the repositories of an OCI layout directory, which the first publication makes. */
export async function embeddedRepositories(ociLayout: string): Promise<readonly string[]> {
  try {
    return await listLayout(ociLayout);
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'NotFound') return [];
    throw error;
  }
}
