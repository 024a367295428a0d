import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Artifact } from '#lib/artifact/artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { readProfile } from '#lib/profile/read-profile';
import { remoteRepository } from '#lib/registry/remote/repository';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { finishFolder, startProgram, temporaryFolder } from '../../peers/program.ts';
import { launcher } from '../cli/run.ts';
import { type CriClient, connectCri } from './client.ts';

/**
 * A shim of the test's own, as a process, in front of one runtime and with rules for one registry.
 */
export interface TestShim {
  /** Path of its socket. */
  readonly socket: string;
  readonly client: CriClient;
  readonly folder: string;
  readonly state: string;
  readonly seccompRoot: string;
  /** Path of its socket for administrators. */
  readonly admin: string;
  readonly pid: number;
  /** Signs for `<registry>/signed/**`, which the policy asks a signature for. */
  readonly signer: KeySigner;
  /** What it logged so far. */
  log(): LogRecord[];
  /** Kills it with SIGKILL. */
  kill(): Promise<void>;
  /** Ends it where it runs, and starts it on the same state. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface LogRecord {
  readonly messageId?: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/**
 * Rules of the policy: `signed/**` needs a signature, `trial/**` too and may only be logged,
 * `open/**` needs none, nothing else is allowed.
 */
function policyFor({ registryHost, policy }: { readonly registryHost: string; readonly policy?: string }): string {
  const head = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\n';
  if (policy !== undefined) return `${head}${policy}`;
  return `${head}rules:
  - {match: "${registryHost}/signed/**", kinds: [Seccomp], require: [{key: release.pub}]}
  - {match: "${registryHost}/trial/**", require: [{key: release.pub}], log: true}
  - {match: "${registryHost}/open/**", unsigned: true}
`;
}

/** What a test's shim is started with. */
export interface TestShimOptions {
  readonly runtime: string;
  readonly registryHost: string;
  readonly args?: readonly string[];
  /** The rest of the policy, in place of the usual rules. */
  readonly policy?: string;
  /** Files to lay beside the policy, which may name them. */
  readonly files?: readonly string[];
  /** What runs Fairlead; by default the launcher of this checkout. */
  readonly program?: readonly [command: string, ...args: string[]];
}

/** The files of a test's shim, and the command that runs it. */
export interface PreparedShim
  extends Pick<TestShim, 'socket' | 'folder' | 'state' | 'seccompRoot' | 'admin' | 'signer'> {
  readonly command: string;
  readonly args: readonly string[];
}

/** Writes the policy and the keys of a shim into a new folder. */
export async function prepareShim(options: TestShimOptions): Promise<PreparedShim> {
  const folder = temporaryFolder('shim');
  const [socket, state, policy] = ['shim.sock', 'state', 'policy.yaml'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  const seccompRoot = path.join(folder, 'kubelet', 'seccomp');
  const admin = path.join(folder, 'admin.sock');
  const keys = await generateKeyPair();
  writeFileSync(path.join(folder, 'release.pub'), keys.publicKey);
  for (const file of options.files ?? []) copyFileSync(file, path.join(folder, path.basename(file)));
  writeFileSync(policy, policyFor(options));
  const [command, ...first] = options.program ?? [process.execPath, launcher];
  const args = [
    ...first,
    'shim',
    ...['--listen', `unix://${socket}`, '--runtime', `unix://${options.runtime}`],
    ...['--policy', policy, '--state', state, '--seccomp-root', seccompRoot],
    ...['--admin', `unix://${admin}`],
    ...(options.args ?? []),
  ];
  const signer = keySigner(await loadPrivateKey(keys.privateKey));
  return { socket, folder, state, seccompRoot, admin, signer, command, args };
}

/** Starts `fairlead shim` in front of a runtime's socket. */
export async function startTestShim(options: TestShimOptions): Promise<TestShim> {
  const { command, args, ...files } = await prepareShim(options);
  const { socket, folder } = files;
  const client = connectCri(socket);
  const start = () =>
    startProgram({
      ...{ name: 'shim', command, args, folder },
      env: { HOME: folder },
      ready: async () => (await client.version()).runtimeName !== '',
    });
  let program = await start();
  return {
    ...files,
    client,
    get pid() {
      return program.pid;
    },
    log: () =>
      readFileSync(program.log, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as LogRecord),
    async kill() {
      process.kill(program.pid, 'SIGKILL');
      await program.stop();
    },
    async restart() {
      await program.stop();
      program = await start();
    },
    async stop() {
      client.close();
      await program.stop();
      finishFolder(folder);
    },
  };
}

/** Allows everything but the calls that change a file's mode. */
export const denyChmod = JSON.stringify({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['chmod', 'fchmod', 'fchmodat', 'fchmodat2'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
});

/** Packs a profile's text; `title` makes artifacts of the same text differ. */
export function packText(text: string, title = 'profile.json'): Artifact {
  return packArtifact(readProfile(Buffer.from(text)), { layout: 'runtime', title });
}

/** Pushes an artifact, signed or not, and gives its pinned reference. */
export async function publish(
  registryHost: string,
  repository: string,
  artifact: Artifact,
  signer?: KeySigner,
): Promise<string> {
  const target = remoteRepository({ registry: registryHost, repository });
  const { descriptor } = artifact;
  const signature = signer && packSignature(descriptor, await signArtifact(descriptor, signer));
  await pushArtifact(target, artifact, signature, undefined);
  return `${registryHost}/${repository}@${descriptor.digest}`;
}
