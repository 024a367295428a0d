import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { nodeDefaults } from '#cri-shim/node-defaults';
import { parseSocketAddress } from '#cri-shim/proxy/socket';
import { type Shim, startShim } from '#cri-shim/shim';
import { type CriClient, criClient } from '#lib/cri/client';
import { RuntimeConnection } from '#lib/cri/runtime-connection';
import { FairleadError } from '#lib/errors';
import { pullProfile } from '#lib/node/pull/pull-profile';
import { nodeCaller } from '#lib/node/store/pull-note';
import { openStore } from '#lib/node/store/store';
import { formatReference } from '#lib/registry/reference';
import {
  type CreateContainerRequestSchema,
  NamespaceMode,
  type PodSandboxConfigSchema,
  SecurityProfile_ProfileType,
} from '../../lib/cri/gen/cri_pb.js';
import { temporaryDirectory } from '../files/temporary-directory.ts';
import { buildInformation } from '../process/version.ts';
import { ImageImporter } from './image-importer.ts';
import type { Narrator } from './narrator.ts';
import type { Walk } from './path.ts';
import { patience } from './patience.ts';

export interface ContainerOptions {
  /** Socket of the container runtime. */
  readonly socket: string;
  /** Image to run, which the runtime must have; undefined builds one from the busybox here. */
  readonly image: string | undefined;
}

/** A Localhost reference is a path below this directory of the kubelet. */
const { seccompRoot } = nodeDefaults;

/**
 * Starts a shim in front of a runtime, and a container that names the published profile as a pod
 * does. Removes at the end what it created in the runtime. Throws InvalidInput if the process is
 * not root, or if there is no image to run.
 */
export async function runContainer(walk: Walk, options: ContainerOptions, tell: Narrator): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new FairleadError('InvalidInput', '--containerd needs root: only root can connect to a container runtime', {
      hint: 'Run it again with sudo, or leave --containerd out.',
    });
  }
  const socket = parseSocketAddress(options.socket);
  const undo: (() => unknown)[] = [];
  try {
    tell.step('Run a container under the profile');
    const direct = connect(socket, undo);
    const { runtimeName, runtimeVersion } = await direct.version({}, patience());
    tell.fact('runtime', `${runtimeName} ${runtimeVersion} at ${socket}`);
    if (options.image !== undefined) await assertImage(options.image, direct);
    const images = new ImageImporter(socket, direct);
    undo.push(() => images.removeAll());
    const image = options.image ?? (await images.importBusybox('localhost/fairlead-quickstart/busybox:1', ['/bin/sh']));

    // Short, because the path of a Unix socket has at most 107 bytes.
    const directory = await temporaryDirectory('fairlead-shim-');
    undo.push(() => rm(directory, { recursive: true, force: true }));
    const shim = await startShimBefore(socket, directory, walk, tell);
    undo.push(() => shim.stop());
    const throughShim = connect(join(directory, 'shim.sock'), undo);

    const sandboxId = await runSandbox(throughShim, images, tell);
    undo.push(() => throughShim.removePodSandbox({ podSandboxId: sandboxId }, patience()));
    undo.push(() => throughShim.stopPodSandbox({ podSandboxId: sandboxId }, patience()));
    const request = containerRequest(sandboxId, image, walk);
    await showWithoutShim(direct, request, tell);
    const { containerId } = await throughShim.createContainer(request, patience());
    await throughShim.startContainer({ containerId }, patience());
    tell.fact('with shim', `container ${containerId.slice(0, 12)} is running`);
    await showEnforcement(throughShim, containerId, tell);
  } finally {
    await unwind(undo, tell);
  }
}

/** Connects to a CRI socket. Adds to `undo` the step that closes the connection. */
function connect(socket: string, undo: (() => unknown)[]): CriClient {
  const connection = new RuntimeConnection(socket);
  undo.push(() => connection.close());
  return criClient(connection.call);
}

/**
 * Runs the steps of `undo` in reverse order. Reports a step that fails, and goes on with the next.
 */
async function unwind(undo: (() => unknown)[], tell: Narrator): Promise<void> {
  for (const step of undo.reverse()) {
    try {
      await step();
    } catch (error) {
      tell.note(`Not cleaned up: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/**
 * Starts the shim as a node runs it. The profile is put into its store before, as pulled with the
 * credentials of the node, because the shim asks registries only and this one is a directory.
 */
async function startShimBefore(socket: string, directory: string, walk: Walk, tell: Narrator): Promise<Shim> {
  const state = join(directory, 'state');
  const store = await openStore(state);
  try {
    await pullProfile({ reference: walk.reference, kind: 'Seccomp' }, { ...walk, store, caller: nodeCaller });
  } finally {
    await store.close();
  }
  const listen = `unix://${join(directory, 'shim.sock')}`;
  tell.command(`fairlead shim --listen ${listen} --runtime unix://${socket} --policy policy.yaml --state ${state}`);
  const { pino } = await import('pino');
  const log = pino({ level: 'silent' });
  const { policyFile: policy } = walk;
  const build = buildInformation();
  return startShim({ listen, runtime: `unix://${socket}`, policy, state, seccompRoot, log, build });
}

const sandboxConfig: MessageInitShape<typeof PodSandboxConfigSchema> = {
  metadata: { name: 'fairlead-quickstart', uid: `fairlead-quickstart-${process.pid}`, namespace: 'default' },
  // Uses the network of the host, because the machine may have no network plugin.
  linux: { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } },
};

/**
 * Creates the sandbox and returns its ID. If the runtime cannot pull its sandbox image, imports a
 * busybox image under that name.
 */
async function runSandbox(cri: CriClient, images: ImageImporter, tell: Narrator): Promise<string> {
  try {
    return (await cri.runPodSandbox({ config: sandboxConfig }, patience())).podSandboxId;
  } catch (error) {
    const missing = error instanceof FairleadError ? /sandbox image "([^"]+)"/.exec(error.message)?.[1] : undefined;
    if (missing === undefined) throw error;
    tell.note(`The runtime cannot pull its sandbox image ${missing}. A busybox image replaces it until the end.`);
    await images.importBusybox(missing, [
      '/bin/sh',
      '-c',
      'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done',
    ]);
    return (await cri.runPodSandbox({ config: sandboxConfig }, patience())).podSandboxId;
  }
}

function containerRequest(
  podSandboxId: string,
  image: string,
  { reference }: Walk,
): MessageInitShape<typeof CreateContainerRequestSchema> {
  return {
    podSandboxId,
    sandboxConfig,
    config: {
      metadata: { name: 'nginx' },
      image: { image },
      command: ['/bin/sh', '-c', 'while :; do sleep 3600; done'].map((word) => Buffer.from(word)),
      linux: {
        securityContext: {
          namespaceOptions: { network: NamespaceMode.NODE },
          seccomp: {
            profileType: SecurityProfile_ProfileType.Localhost,
            localhostRef: `${seccompRoot}/oci/${formatReference(reference)}`,
          },
        },
      },
    },
  };
}

/** Verifies that the runtime has an image. Throws InvalidInput. */
async function assertImage(image: string, cri: CriClient): Promise<void> {
  if ((await cri.imageStatus({ image: { image } }, patience())).image !== undefined) return;
  throw new FairleadError('InvalidInput', `the runtime has no image ${image}`, {
    hint: `Pull it (crictl pull ${image}), or leave --image out to build an image from the busybox of this machine.`,
  });
}

/**
 * Reports whether an error of a runtime means that the file of a seccomp profile does not exist.
 * Any other error would not show that the runtime fails closed.
 */
export function isMissingProfile({ message }: Error, file: string): boolean {
  return message.includes(file) && /no such file or directory/.test(message);
}

async function showWithoutShim(
  direct: CriClient,
  request: MessageInitShape<typeof CreateContainerRequestSchema>,
  tell: Narrator,
): Promise<void> {
  tell.note('The pod specifies for its container:');
  tell.note(
    `  seccompProfile: {type: Localhost, localhostProfile: oci/${request.config?.linux?.securityContext?.seccomp?.localhostRef?.split('/oci/')[1]}}`,
  );
  tell.note('Without the shim, the runtime finds no such file and refuses the container.');
  try {
    await direct.createContainer(request, patience());
  } catch (error) {
    const profile = request.config?.linux?.securityContext?.seccomp?.localhostRef ?? '';
    if (!(error instanceof FairleadError) || !isMissingProfile(error, profile)) throw error;
    tell.refused(error);
    return;
  }
  throw new FairleadError(
    'Internal',
    'the runtime created the container without the shim, although the profile does not exist as a file',
  );
}

async function showEnforcement(cri: CriClient, containerId: string, tell: Narrator): Promise<void> {
  const attempt = async (command: string): Promise<number> => {
    const cmd = ['/bin/sh', '-c', command];
    const { exitCode, stdout, stderr } = await cri.execSync({ containerId, cmd, timeout: 10n }, patience());
    const said = Buffer.concat([stdout, stderr]).toString().trim();
    tell.fact(exitCode === 0 ? 'allowed' : 'refused', `${command}${said === '' ? '' : `: ${said}`}`);
    return exitCode;
  };
  const wrote = await attempt('echo hello > /tmp/file');
  const changed = await attempt('chmod 700 /tmp/file');
  if (wrote !== 0 || changed === 0) {
    throw new FairleadError('Internal', 'the container is not confined as the profile specifies', {
      hint: 'The profile allows writing files and denies chmod.',
    });
  }
}
