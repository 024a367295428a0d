import { FairleadError } from '#lib/errors';
import type { Repository } from '#lib/registry/target';

/** Codes of the system for a path that cannot be used, whenever it is tried. */
const unusable: ReadonlySet<unknown> = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOTDIR',
  'EEXIST',
  'ENAMETOOLONG',
  'ELOOP',
]);

/**
 * Returns a repository in a directory that a person named: if the directory cannot be used, its
 * calls reject with InvalidInput, not with the Unavailable of registries.
 */
export function localRepository<Kind extends Repository>(repository: Kind): Kind {
  return new Proxy(repository, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, args);
        return result instanceof Promise ? result.catch(rethrow) : result;
      };
    },
  });
}

function rethrow(error: unknown): never {
  if (!(error instanceof FairleadError) || error.kind !== 'Unavailable') throw error;
  const { cause, hint, summary } = error;
  if (!(cause instanceof Error) || !('code' in cause) || !unusable.has(cause.code)) throw error;
  throw new FairleadError('InvalidInput', summary, { cause, ...(hint !== undefined && { hint }) });
}
