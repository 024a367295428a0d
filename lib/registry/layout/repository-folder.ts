import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { isRepository, parseReference } from '../reference.ts';

/**
 * File names of an OCI layout: a repository of such a name below another would lie where the other
 * keeps its files.
 */
const reserved: ReadonlySet<string> = new Set(['blobs', 'index.json', 'oci-layout']);

/**
 * The folder of one repository: each is an OCI image layout of its own below the common one, so
 * that every tool that reads layouts reads `FOLDER/security/nginx:TAG`. The name may begin with a
 * registry; the colon of its port becomes `+`, since tools read a colon in a layout's path as the
 * beginning of the tag. Throws InvalidInput for what is no repository name.
 */
export function repositoryFolder(folder: string, name: string): string {
  if (!isRepository(name)) {
    const parsed = parseReference(name);
    if (parsed.tag !== undefined || parsed.digest !== undefined) {
      throw new FairleadError('InvalidInput', `${JSON.stringify(name)} is a reference, not a repository`);
    }
  }
  const components = name.split('/');
  const taken = components.find((component) => reserved.has(component));
  if (taken !== undefined) {
    throw new FairleadError('InvalidInput', `repository ${name} cannot be kept in a layout folder`, {
      hint: `OCI layouts have a file or folder named ${taken} themselves. Use another repository name.`,
    });
  }
  return join(folder, ...components.map((component) => component.replaceAll(':', '+')));
}
