import { FairleadError } from '#lib/errors';
import { isRegistry, isRepository, type Reference } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';

/** A repository of a registry behind the mirror. */
export type MirroredName = Pick<Reference, 'registry' | 'repository'>;

/**
 * Returns the repository that a name of the mirror stands for. With `ns`, as containerd sends it,
 * that is the registry; otherwise the first segment is, with `_` in place of the colon before a
 * port, which names of repositories cannot have: `registry.example.com_5000/security/nginx`. Throws
 * InvalidInput.
 */
export function parseMirrorName(name: string, ns: string | undefined): MirroredName {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(slash, 0)).replace(/_(?=[0-9]{1,5}$)/, ':');
  const [registry, repository] = ns === undefined ? [first, name.slice(slash + 1)] : [ns, name];
  if (!isRegistry(registry)) {
    throw new FairleadError('InvalidInput', `invalid name ${quote(name, 300)}: it names no registry`, {
      hint: 'Write REGISTRY/REPOSITORY, with _ in place of the colon before a port: registry.example.com_5000/security/nginx.',
    });
  }
  if (!isRepository(repository)) {
    throw new FairleadError('InvalidInput', `invalid name ${quote(name, 300)}`, {
      hint: 'A repository consists of lower-case letters and digits, separated by ".", "_", "-" and "/".',
    });
  }
  return { registry, repository };
}

/** Returns the name of a repository in the mirror. The inverse of parseMirrorName. */
export function mirrorName({ registry, repository }: MirroredName): string {
  return `${registry.replace(/:(?=[0-9]+$)/, '_')}/${repository}`;
}
