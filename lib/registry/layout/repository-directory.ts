import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { isRepository, parseReference } from '../reference.ts';

/**
 * File names of an OCI layout: a repository with such a name below another would be where the other
 * one has its files.
 */
const reserved: ReadonlySet<string> = new Set(['blobs', 'index.json', 'oci-layout']);

/**
 * Returns the directory of one repository. Each is an OCI image layout of its own below the common
 * directory, so that every tool that reads layouts reads `DIRECTORY/security/nginx:TAG`. The name
 * may begin with a registry; the colon of its port becomes `+`, since tools read a colon in the
 * path of a layout as the start of the tag. Throws InvalidInput for an invalid repository name.
 */
export function repositoryDirectory(directory: string, name: string): string {
  if (!isRepository(name)) {
    const parsed = parseReference(name);
    if (parsed.tag !== undefined || parsed.digest !== undefined) {
      throw new FairleadError('InvalidInput', `${JSON.stringify(name)} is a reference, not a repository`);
    }
  }
  const components = name.split('/');
  const taken = components.find((component) => reserved.has(component));
  if (taken !== undefined) {
    throw new FairleadError('InvalidInput', `repository ${name} cannot be stored in a layout directory`, {
      hint: `An OCI layout has a file or directory named ${taken} itself. Use another repository name.`,
    });
  }
  return join(directory, ...components.map((component) => component.replaceAll(':', '+')));
}
