import type { CriClient } from '#lib/cri/client';
import { isUnimplemented } from '#lib/cri/runtime-call';
import { parseRuntimeFacts, type RuntimeFacts } from './runtime-facts.ts';

/** The calls that return information about the runtime and its containers. */
export type RuntimeQuestions = Pick<CriClient, 'version' | 'status' | 'podSandboxStatus' | 'containerStatus'>;

/**
 * Requests name, version and configuration of the runtime. The configuration is absent if the
 * runtime does not implement Status. Rejects as the client and parseRuntimeFacts do.
 */
export async function askFacts(cri: RuntimeQuestions, signal: AbortSignal): Promise<RuntimeFacts> {
  const [version, reported] = await Promise.all([
    cri.version({}, signal),
    unlessUnimplemented(cri.status({ verbose: true }, signal)),
  ]);
  return parseRuntimeFacts(version, reported?.info['config']);
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
