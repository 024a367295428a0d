import { isUnimplemented, sessionCaller } from '#lib/cri/runtime-call';
import type { UnaryCall } from '../proxy/unary-call.ts';
import { type Delegation, reportsProfileFeature } from './delegation.ts';

/**
 * Makes a call about stored artifacts to the runtime as well, if profiles may be delegated to it
 * and it reports the feature. Returns its response; undefined if it is not asked, or does not have
 * the call. Rejects with Unavailable if it does not answer, or refuses the call.
 */
export async function askRuntimeToo(
  method: string,
  { request, runtime, signal }: UnaryCall,
  delegation: Pick<Delegation, 'isPossible'> | undefined,
): Promise<Uint8Array | undefined> {
  if (delegation === undefined) return undefined;
  const call = sessionCaller(runtime.pin());
  if (!(await reportsProfileFeature(call, signal))) return undefined;
  try {
    return await call(method, request, signal);
  } catch (error) {
    if (isUnimplemented(error)) return undefined;
    throw error;
  }
}
