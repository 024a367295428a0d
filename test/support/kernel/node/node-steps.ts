import type { PodOptions } from '../../cri/pod.ts';

/** What a kubelet asks of the runtime, through the shim, for a container of one pod. */
export type NodeStep =
  /** Waits until the shim answers. */
  | { readonly ready: true }
  | { readonly create: string; readonly of?: PodOptions }
  | { readonly start: string }
  /** Both of them. */
  | { readonly run: string; readonly of?: PodOptions }
  | { readonly exec: readonly string[]; readonly in: string }
  /** Reads what the kernel confines the first process of the container by. */
  | { readonly label: string }
  /** Stops it with SIGTERM, or with SIGKILL 10 s later. */
  | { readonly stop: string }
  | { readonly remove: string };

/** What came of a step; an error has the code of gRPC if it is of CRI. */
export type NodeAnswer =
  | { readonly done: true }
  | { readonly label: string }
  | { readonly exitCode: number; readonly output?: string }
  | { readonly code: number | undefined; readonly message: string };

/** Where the parts of a node are in the guest. */
export const nodeFolder = '/tmp/node';
export const shimSocket = `${nodeFolder}/shim.sock`;
/** The shim answers administrators here. */
export const adminSocket = `${nodeFolder}/admin.sock`;
export const runtimeSocket = `${nodeFolder}/containerd/containerd.sock`;
/** Pipes from which the kubelet reads steps and to which it writes what came of them, as JSON. */
export const stepsPipe = `${nodeFolder}/steps`;
export const answersPipe = `${nodeFolder}/answers`;
