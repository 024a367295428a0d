import type { Reference } from '#lib/registry/reference';
import { registryName } from '#lib/registry/registry-name';
import type { ReadTarget } from '#lib/registry/target';
import type { PullDependencies } from './pull-dependencies.ts';

/** What askRegistry works with. */
export type AskDependencies = Pick<PullDependencies, 'connect' | 'failures' | 'limiter' | 'policy' | 'signal'>;

/**
 * Asks a repository of a registry, when it is the turn of this pull. Rejects with Unavailable, and
 * asks nothing, if the registry was unavailable a moment ago.
 */
export async function askRegistry<T>(
  reference: Reference,
  dependencies: AskDependencies,
  ask: (source: ReadTarget) => Promise<T>,
): Promise<T> {
  const { connect, failures, limiter, policy, signal } = dependencies;
  const { registry } = reference;
  failures?.check(registry, policy.revision);
  const turn = await limiter?.begin(registryName(registry), signal);
  try {
    // It may have failed for another pull while this one waited for its turn.
    failures?.check(registry, policy.revision);
    const source = await connect(reference);
    const answer = ask(turn === undefined ? source : turn.meter(source));
    return await (failures === undefined ? answer : failures.watch(registry, policy.revision, answer, signal));
  } finally {
    turn?.end();
  }
}
