import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type ContainerConfigSchema,
  NamespaceMode,
  type PodSandboxConfigSchema,
  SecurityProfile_ProfileType,
  type SecurityProfileSchema,
} from '../../../lib/cri/gen/cri_pb.js';
import { busyboxReference } from '../../peers/image.ts';
import { finishFolder, temporaryFolder } from '../../peers/program.ts';
import type { CriClient } from './client.ts';

type ProfileInit = MessageInitShape<typeof SecurityProfileSchema>;

/** A pod as the kubelet would ask the runtime for it, by default with one container that waits. */
export interface PodOptions {
  readonly name?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** The container's name; the annotations of CRI-O name it. */
  readonly containerName?: string;
  /** The container's seccomp profile, by default none (which the runtime takes for unconfined). */
  readonly seccomp?: ProfileInit;
  /** The sandbox's, by default RuntimeDefault, as the kubelet has it. */
  readonly sandboxSeccomp?: ProfileInit;
  readonly apparmor?: ProfileInit;
  /** The deprecated string for AppArmor. */
  readonly apparmorProfile?: string;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly privileged?: boolean;
  /** The runtime handler. */
  readonly handler?: string;
  readonly image?: string;
  readonly command?: readonly string[];
  /** By default the host's: the pod's own network needs CNI. */
  readonly network?: 'pod' | 'host';
}

/** What a command in a container printed, and how it ended. */
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A pod with one running container. */
export interface Pod {
  readonly sandboxId: string;
  readonly containerId: string;
  readonly sandboxConfig: MessageInitShape<typeof PodSandboxConfigSchema>;
  /** Runs a program in the container by ExecSync, without a shell. */
  exec(...command: string[]): Promise<ExecResult>;
  /** What the container itself printed so far: the lines of its CRI log without time and stream. */
  log(): string;
  /** Stops and removes container and sandbox. */
  remove(): Promise<void>;
}

const waitScript = 'trap "exit 0" TERM; echo ready; while :; do sleep 86400 & wait $!; done';

/** The sandbox configuration for a pod, as the kubelet fills it in. */
export function sandboxConfig(
  options: PodOptions,
  logDirectory: string,
): MessageInitShape<typeof PodSandboxConfigSchema> {
  const name = options.name ?? 'test';
  const uid = randomUUID();
  return {
    metadata: { name, uid, namespace: 'default', attempt: 0 },
    hostname: options.network === 'pod' ? name : '',
    logDirectory,
    labels: { 'io.kubernetes.pod.name': name, 'io.kubernetes.pod.namespace': 'default', 'io.kubernetes.pod.uid': uid },
    annotations: { ...options.annotations },
    linux: {
      securityContext: {
        namespaceOptions: namespaceOptions(options),
        seccomp: options.sandboxSeccomp ?? { profileType: SecurityProfile_ProfileType.RuntimeDefault },
        privileged: options.privileged ?? false,
      },
    },
  };
}

/** The container configuration for a pod, as the kubelet fills it in. */
export function containerConfig(options: PodOptions): MessageInitShape<typeof ContainerConfigSchema> {
  const name = options.containerName ?? 'main';
  return {
    metadata: { name, attempt: 0 },
    image: { image: options.image ?? busyboxReference },
    command: (options.command ?? ['/bin/sh', '-c', waitScript]).map((word) => Buffer.from(word)),
    labels: { 'io.kubernetes.container.name': name },
    logPath: `${name}_0.log`,
    linux: {
      resources: {},
      securityContext: {
        namespaceOptions: namespaceOptions(options),
        privileged: options.privileged ?? false,
        capabilities: {
          addCapabilities: [...(options.capabilities?.add ?? [])],
          dropCapabilities: [...(options.capabilities?.drop ?? [])],
        },
        ...(options.seccomp ? { seccomp: options.seccomp } : {}),
        ...(options.apparmor ? { apparmor: options.apparmor } : {}),
        apparmorProfile: options.apparmorProfile ?? '',
      },
    },
  };
}

function namespaceOptions({ network }: PodOptions): { network: NamespaceMode; pid: NamespaceMode } {
  return { network: network === 'pod' ? NamespaceMode.POD : NamespaceMode.NODE, pid: NamespaceMode.CONTAINER };
}

/**
 * Runs a pod the way the kubelet does: RunPodSandbox, CreateContainer, StartContainer.
 * Where one of them fails, what was made before is removed, and the CriError is passed on.
 */
export async function runPod(client: CriClient, options: PodOptions = {}): Promise<Pod> {
  const logDirectory = temporaryFolder('pod');
  finishFolder(logDirectory);
  const sandbox = sandboxConfig(options, logDirectory);
  let podSandboxId: string | undefined;
  const remove = async (): Promise<void> => {
    if (podSandboxId !== undefined) {
      await client.stopPodSandbox({ podSandboxId });
      await client.removePodSandbox({ podSandboxId });
    }
    rmSync(logDirectory, { recursive: true, force: true });
  };
  try {
    podSandboxId = (await client.runPodSandbox({ config: sandbox, runtimeHandler: options.handler ?? '' }))
      .podSandboxId;
    const config = containerConfig(options);
    const { containerId } = await client.createContainer({ podSandboxId, config, sandboxConfig: sandbox });
    await client.startContainer({ containerId });
    return {
      sandboxId: podSandboxId,
      containerId,
      sandboxConfig: sandbox,
      async exec(...cmd) {
        const { exitCode, stdout, stderr } = await client.execSync({ containerId, cmd, timeout: 20n });
        return { exitCode, stdout: Buffer.from(stdout).toString(), stderr: Buffer.from(stderr).toString() };
      },
      log() {
        const text = readFileSync(path.join(logDirectory, config.logPath ?? ''), 'utf8');
        return text.replace(/^\S+ (?:stdout|stderr) [FP] /gm, '');
      },
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
