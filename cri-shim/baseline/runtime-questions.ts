import type { CriClient } from '#lib/cri/client';
import { isUnimplemented } from '#lib/cri/runtime-call';
import { parseRuntimeFacts, type RuntimeFacts } from './runtime-facts.ts';

/** The calls that return information about the runtime and its containers. */
export type RuntimeQuestions = Pick<CriClient, 'version' | 'status' | 'podSandboxStatus' | 'containerStatus'>;

/**
 * Requests name, version and configuration of the runtime. The configuration is absent if the
 * runtime does not implement Status, and is not requested again if `known` has it for this version
 * and `keeps` confirms that it still holds. Rejects as the client and parseRuntimeFacts do.
 */
export async function askFacts(
  cri: RuntimeQuestions,
  signal: AbortSignal,
  known?: { readonly facts: RuntimeFacts; readonly keeps: () => boolean },
): Promise<RuntimeFacts> {
  const isFixed = known?.facts.configuration?.isFixed === true && known.keeps();
  const asked = cri.version({}, signal);
  const reported = isFixed ? undefined : unlessUnimplemented(cri.status({ verbose: true }, signal));
  const [version, status] = await Promise.all([asked, reported]);
  if (!isFixed) return parseRuntimeFacts(version, status?.info['config']);
  const isSame = version.runtimeName === known.facts.name && version.runtimeVersion === known.facts.version;
  return isSame && known.keeps() ? known.facts : askFacts(cri, signal);
}

/**
 * Requests the runtime handler of a sandbox. Returns the empty string for the default handler, also
 * if the runtime does not implement the call: then it has no other handler.
 */
export async function askHandler(cri: RuntimeQuestions, podSandboxId: string, signal: AbortSignal): Promise<string> {
  const reported = await unlessUnimplemented(cri.podSandboxStatus({ podSandboxId }, signal));
  return reported?.status?.runtimeHandler ?? '';
}

/**
 * Requests the verbose information of a container: JSON text, undefined if the runtime reports
 * none.
 */
export async function askContainerInfo(
  cri: RuntimeQuestions,
  containerId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { info } = await cri.containerStatus({ containerId, verbose: true }, signal);
  return info['info'];
}

async function unlessUnimplemented<T>(response: Promise<T>): Promise<T | undefined> {
  try {
    return await response;
  } catch (error) {
    if (isUnimplemented(error)) return undefined;
    throw error;
  }
}
