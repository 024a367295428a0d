import { formatRepository } from '#lib/registry/reference';
import { repositoryName } from '#lib/registry/registry-name';
import { type AskDependencies, askRegistry } from './ask-registry.ts';
import type { PullDependencies } from './pull-dependencies.ts';
import type { PulledProfile } from './pulled-profile.ts';

/** What admitCaller works with. */
export type AdmitDependencies = AskDependencies & Pick<PullDependencies, 'admitted' | 'caller' | 'memory' | 'store'>;

/**
 * Returns a pulled profile if its caller may have it, and notes the pull in the store. What the
 * caller did not fetch itself is asked for with the credentials of the caller, by one HEAD request,
 * as `verifyCredentials` of the policy requires (KEP-2535). Throws the errors of the registry's
 * client.
 */
export async function admitCaller(
  pulled: PulledProfile,
  fetchedByCaller: boolean,
  dependencies: AdmitDependencies,
): Promise<PulledProfile> {
  const { caller, admitted, store } = dependencies;
  if (caller === undefined || admitted || store === undefined) return pulled;
  const asks = !fetchedByCaller && mustAsk(pulled, caller, dependencies);
  if (asks) await askOnce(pulled, caller, dependencies);
  const name = formatRepository(pulled.reference);
  await store.note(pulled.descriptor.digest, { repository: repositoryName(name), name, caller });
  return asks ? { ...pulled, cached: false } : pulled;
}

function mustAsk(
  { reference, descriptor }: PulledProfile,
  caller: string,
  { policy: { verifyCredentials = 'cached' }, store }: AdmitDependencies,
): boolean {
  if (verifyCredentials !== 'cached') return verifyCredentials === 'always';
  const name = repositoryName(formatRepository(reference));
  const pull = store?.get(descriptor.digest)?.pulls.find(({ repository }) => repository === name);
  return pull?.callers.includes(caller) !== true;
}

/**
 * Asks for a manifest. Callers with the same credentials share the request, unless each must ask.
 */
async function askOnce(pulled: PulledProfile, caller: string, dependencies: AdmitDependencies): Promise<void> {
  const { memory, policy, signal } = dependencies;
  if (memory === undefined || policy.verifyCredentials === 'always') return ask(pulled, dependencies);
  const key = [caller, repositoryName(formatRepository(pulled.reference)), pulled.descriptor.digest].join(' ');
  await memory.questions.join(key, signal, (shared) => ask(pulled, { ...dependencies, signal: shared })).result;
}

async function ask({ reference, descriptor }: PulledProfile, dependencies: AdmitDependencies): Promise<void> {
  const { signal } = dependencies;
  await askRegistry(reference, dependencies, (source) =>
    source.resolve(descriptor.digest, signal === undefined ? {} : { signal }),
  );
}
