import {
  ContainerStatusRequestSchema,
  ContainerStatusResponseSchema,
  PodSandboxStatusRequestSchema,
  PodSandboxStatusResponseSchema,
  StatusRequestSchema,
  StatusResponseSchema,
  VersionRequestSchema,
  VersionResponseSchema,
} from '../../lib/cri/gen/cri_pb.js';
import { ask, type CallRuntime, isUnimplemented } from '../../lib/cri/runtime-call.ts';
import { parseRuntimeFacts, type RuntimeFacts } from './runtime-facts.ts';

/**
 * Asks the runtime which one it is and how it is configured; one without Status does not report
 * that. Rejects as CallRuntime and parseRuntimeFacts do.
 */
export async function askFacts(call: CallRuntime, signal: AbortSignal): Promise<RuntimeFacts> {
  const status = ask(call, 'Status', [StatusRequestSchema, StatusResponseSchema], { verbose: true }, signal);
  const [version, reported] = await Promise.all([
    ask(call, 'Version', [VersionRequestSchema, VersionResponseSchema], {}, signal),
    unlessUnimplemented(status),
  ]);
  return parseRuntimeFacts(version, reported?.info['config']);
}

/**
 * Asks for the runtime handler of a sandbox; empty for the default one, which is all that a runtime
 * without the call has.
 */
export async function askHandler(call: CallRuntime, podSandboxId: string, signal: AbortSignal): Promise<string> {
  const schemas = [PodSandboxStatusRequestSchema, PodSandboxStatusResponseSchema] as const;
  const reported = await unlessUnimplemented(ask(call, 'PodSandboxStatus', schemas, { podSandboxId }, signal));
  return reported?.status?.runtimeHandler ?? '';
}

/**
 * Asks for what the runtime tells of a container in detail: JSON text, undefined if it tells
 * nothing.
 */
export async function askContainerInfo(
  call: CallRuntime,
  containerId: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const schemas = [ContainerStatusRequestSchema, ContainerStatusResponseSchema] as const;
  const { info } = await ask(call, 'ContainerStatus', schemas, { containerId, verbose: true }, signal);
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
