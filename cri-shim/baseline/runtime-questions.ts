import type { CriClient } from '#lib/cri/client';
import { isUnimplemented } from '#lib/cri/runtime-call';
import { parseRuntimeFacts, type RuntimeFacts } from './runtime-facts.ts';

/** The calls by which the shim learns about the runtime and its containers. */
export type RuntimeQuestions = Pick<CriClient, 'version' | 'status' | 'podSandboxStatus' | 'containerStatus'>;

/**
 * Asks the runtime which one it is and how it is configured; one without Status does not report
 * that. Rejects as the client and parseRuntimeFacts do.
 */
export async function askFacts(cri: RuntimeQuestions, signal: AbortSignal): Promise<RuntimeFacts> {
  const [version, reported] = await Promise.all([
    cri.version({}, signal),
    unlessUnimplemented(cri.status({ verbose: true }, signal)),
  ]);
  return parseRuntimeFacts(version, reported?.info['config']);
}

/**
 * Asks for the runtime handler of a sandbox; empty for the default one, which is all that a runtime
 * without the call has.
 */
export async function askHandler(cri: RuntimeQuestions, podSandboxId: string, signal: AbortSignal): Promise<string> {
  const reported = await unlessUnimplemented(cri.podSandboxStatus({ podSandboxId }, signal));
  return reported?.status?.runtimeHandler ?? '';
}

/**
 * Asks for what the runtime tells of a container in detail: JSON text, undefined if it tells
 * nothing.
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
