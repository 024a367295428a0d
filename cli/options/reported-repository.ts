import type { Descriptor } from '#lib/registry/descriptor';
import type { RemoteRepository } from '#lib/registry/remote/repository';
import type { Repository } from '#lib/registry/target';
import { hasStepListeners, step } from '#lib/steps';

/** The methods of a repository. */
type Operation = Exclude<keyof RemoteRepository, 'registry' | 'repository' | 'hasConfirmed'>;

/** Describes a call by the name of the repository and the arguments. */
type Describe<Name extends Operation> = (name: string, ...args: Parameters<RemoteRepository[Name]>) => string;

const operations: { readonly [Name in Operation]: Describe<Name> } = {
  resolve: (name, tagOrDigest) => `resolve ${versionOf(name, tagOrDigest)}`,
  resolveManifest: (name, tagOrDigest) => `resolve and fetch ${versionOf(name, tagOrDigest)}`,
  fetch: (name, descriptor) => `fetch ${described(descriptor)} from ${name}`,
  referrers: (name, { digest }) => `list the referrers of ${name}@${digest}`,
  exists: (name, { digest }) => `look for ${name}@${digest}`,
  push: (name, descriptor) => `push ${described(descriptor)} to ${name}`,
  pushTagged: (name, descriptor, _, tag) => `push ${described(descriptor)} to ${versionOf(name, tag)}`,
  mount: (name, { digest }, from) => `mount ${digest} of ${from} in ${name}`,
  tag: (name, { digest }, tag) => `tag ${digest} as ${versionOf(name, tag)}`,
  tags: (name) => `list the tags of ${name}`,
  untag: (name, tag) => `remove the tag ${versionOf(name, tag)}`,
  delete: (name, { digest }) => `delete ${name}@${digest}`,
};

/**
 * Returns a repository that reports each operation as a step; the repository itself if steps have
 * no listener.
 */
export function reportedRepository<Kind extends Repository>(repository: Kind, name: string): Kind {
  if (!hasStepListeners()) return repository;
  return new Proxy(repository, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      const describe = Object.hasOwn(operations, property) ? operations[property as Operation] : undefined;
      return (...args: unknown[]): unknown => {
        if (describe !== undefined) step(() => Reflect.apply(describe, undefined, [name, ...args]));
        return Reflect.apply(value, target, args);
      };
    },
  });
}

function versionOf(name: string, tagOrDigest: string): string {
  return `${name}${tagOrDigest.includes(':') ? '@' : ':'}${tagOrDigest}`;
}

function described({ digest, size, mediaType }: Descriptor): string {
  return `${digest} (${size} bytes, ${mediaType})`;
}
