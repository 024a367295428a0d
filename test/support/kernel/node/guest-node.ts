import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import { renderAppArmorJson } from '#lib/profile/apparmor/render-json';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { containerdConfig } from '../../../peers/containerd-config.ts';
import { makeImages } from '../../../peers/image.ts';
import { peer } from '../../../peers/peer.ts';
import { startRegistry } from '../../../peers/registry.ts';
import type { Requirement } from '../../../peers/require.ts';
import { type Vm, vmRequirements } from '../../../peers/vm.ts';
import { type LogRecord, packText, publish } from '../../cri/shim.ts';
import { type AppArmorEvent, appArmorEvents } from '../guest-policies.ts';
import { installSourceInGuest } from '../guest-program.ts';
import {
  adminSocket,
  answersPipe,
  type NodeAnswer,
  type NodeStep,
  nodeFolder,
  runtimeSocket,
  shimSocket,
  stepsPipe,
} from './node-steps.ts';

/** What a suite with a node needs. */
export const nodeRequirements: readonly Requirement[] = [
  ...vmRequirements,
  'containerd',
  'ctr',
  'runc',
  'cni',
  'docker-registry',
];

/** What the node runs. The loader has one capability, the shim none. */
export type NodeService = 'lsm' | 'shim';

/** An artifact to be published, with the text of its profile. */
export interface NodeArtifact {
  readonly repository: string;
  readonly text: string;
  readonly unsigned?: true;
}

/** What came of steps, in their order. */
type Answers<S extends readonly NodeStep[]> = { readonly [N in keyof S]: NodeAnswer };

interface Watched<S extends readonly NodeStep[]> {
  readonly answers: Answers<S>;
  readonly events: readonly AppArmorEvent[];
}

/** A module that sets the increasing clock of its process forward at a signal. */
const clockFile = 'advance-clock.cjs';
const clockModule = `
  const now = performance.now.bind(performance);
  let ahead = 0;
  performance.now = () => now() + ahead;
  process.on('SIGUSR2', () => { ahead += 11 * 60_000; });
`;

const policyHead = 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\n';

/**
 * A node in a virtual machine: a registry, containerd, the loader, the shim, and a kubelet, which
 * makes the containers of one pod.
 */
export class GuestNode {
  readonly #vm: Vm;
  readonly #fairlead: string;
  readonly #rules: string;
  /** The references of the artifacts, in their order. */
  readonly references: readonly string[];
  readonly #processes = new Map<NodeService, string>();

  /** @param fairlead the command of Fairlead in the guest. */
  static async start(vm: Vm, fairlead: string, artifacts: readonly NodeArtifact[]): Promise<GuestNode> {
    const keys = await generateKeyPair();
    const published = await publishAll(vm.job, artifacts, keySigner(await loadPrivateKey(keys.privateKey)));
    const kubelet = await installSourceInGuest(vm.job, fileURLToPath(new URL('./kubelet.ts', import.meta.url)));
    writeFileSync(path.join(vm.job, 'release.pub'), keys.publicKey);
    writeFileSync(path.join(vm.job, clockFile), clockModule);
    const node = new GuestNode(vm, fairlead, published);
    await node.#startRuntime(published.registryHost);
    await Promise.all([node.start('lsm'), node.#writePolicy('RuntimeDefault')]);
    await node.start('shim');
    await vm.output(`
      mkfifo ${stepsPipe} ${answersPipe}
      ${kubelet} > /job/kubelet.log 2>&1 &`);
    return node;
  }

  private constructor(vm: Vm, fairlead: string, { registryHost, references }: Published) {
    this.#vm = vm;
    this.#fairlead = fairlead;
    this.references = references;
    const signed = (repositories: string, more: string): string =>
      `  - {match: "${registryHost}/${repositories}/**", require: [{key: release.pub}]${more}}\n`;
    this.#rules = `rules:\n${signed('signed', '')}${signed('trial', ', log: true')}`;
  }

  /** Takes steps one after another, and returns what came of each. */
  async take<const S extends readonly NodeStep[]>(...steps: S): Promise<Answers<S>> {
    writeFileSync(path.join(this.#vm.job, 'steps.json'), JSON.stringify(steps));
    const output = await this.#vm.output(`
      timeout 20 cp /job/steps.json ${stepsPipe} || { cat /job/kubelet.log >&2; exit 1; }
      timeout 100 cat ${answersPipe}`);
    return JSON.parse(output) as Answers<S>;
  }

  /** Takes steps, and returns also what AppArmor has logged in the kernel meanwhile. */
  async watch<const S extends readonly NodeStep[]>(...steps: S): Promise<Watched<S>> {
    await this.#vm.output('dmesg --clear');
    const answers = await this.take<S>(...steps);
    return { answers, events: appArmorEvents(await this.#vm.output('dmesg --notime')) };
  }

  /** Starts a service, and waits for its socket. */
  async start(service: NodeService): Promise<void> {
    const capability = service === 'lsm' ? ',+mac_admin' : '';
    const socket = service === 'lsm' ? '/run/fairlead/lsm.sock' : shimSocket;
    const options =
      service === 'lsm'
        ? ''
        : `--listen unix://${shimSocket} --runtime unix://${runtimeSocket} --policy ${nodeFolder}/policy.yaml \
             --state ${nodeFolder}/state --seccomp-root ${nodeFolder}/seccomp --admin unix://${adminSocket}`;
    const process = await this.#vm.output(`
      rm -f ${socket}
      NODE_OPTIONS='--require /job/${clockFile}' setpriv --bounding-set=-all${capability} --inh-caps=-all --no-new-privs ${this.#fairlead} ${service} ${options} \
        >> /job/${service}.log 2>&1 &
      until [ -S ${socket} ]; do kill -0 $! || { cat /job/${service}.log >&2; exit 1; }; sleep 0.1; done
      echo $!`);
    this.#processes.set(service, process.trim());
  }

  /** Ends a service, and waits until it is gone. */
  async kill(service: NodeService, signal: 'TERM' | 'KILL'): Promise<void> {
    const process = this.#processes.get(service);
    await this.#vm.output(`kill -${signal} ${process}; while [ -d /proc/${process} ]; do sleep 0.1; done`);
  }

  /** Sets the clock of the shim forward by 11 minutes. It does not follow that of the machine. */
  async advanceClock(): Promise<void> {
    await this.#vm.output(`kill -USR2 ${this.#processes.get('shim')}`);
  }

  /** Ends the loader, and with it what the next one would listen on. The machine ends the rest. */
  async stop(): Promise<void> {
    await this.kill('lsm', 'TERM');
  }

  /** Returns the document of `fairlead node explain` about the pod, which root asks for. */
  async explain(): Promise<unknown> {
    const options = `--socket unix://${adminSocket} --output json`;
    return JSON.parse(await this.#vm.output(`${this.#fairlead} node explain default/pod ${options}`));
  }

  /** Returns the effective capabilities of a service, as the kernel writes them. */
  async capabilitiesOf(service: NodeService): Promise<string> {
    const line = await this.#vm.output(`grep ^CapEff: /proc/${this.#processes.get(service)}/status`);
    return line.replace('CapEff:', '').trim();
  }

  /** Returns what a service has logged until now. */
  log(service: NodeService): readonly LogRecord[] {
    return readFileSync(path.join(this.#vm.job, `${service}.log`), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogRecord);
  }

  /** Returns the names of Fairlead's profiles in the kernel. */
  async loaded(): Promise<readonly string[]> {
    const names = await this.#vm.output(
      `sed -n 's|^\\(fairlead/[0-9a-f]*\\) .*|\\1|p' /sys/kernel/security/apparmor/profiles`,
    );
    return names
      .split('\n')
      .filter((name) => name !== '')
      .toSorted();
  }

  /** Changes the baseline of the policy, and waits until the shim has read it. */
  async changePolicy(baseline: 'RuntimeDefault' | AppArmorProfile): Promise<void> {
    const loads = (): number =>
      this.log('shim').filter(({ messageId }) => messageId === 'fairlead.policy.loaded').length;
    const before = loads();
    await this.#writePolicy(baseline);
    await this.#vm.output(`kill -HUP ${this.#processes.get('shim')}`);
    await this.until(() => loads() > before);
  }

  /** Waits until something holds that the logs or the kernel show. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error(`it does not hold after 60 s; see the logs in ${this.#vm.job}`);
      await sleep(50);
    }
  }

  async #writePolicy(baseline: 'RuntimeDefault' | AppArmorProfile): Promise<void> {
    const file = baseline === 'RuntimeDefault' ? baseline : 'baseline.json';
    if (baseline !== 'RuntimeDefault') writeFileSync(path.join(this.#vm.job, file), renderAppArmorJson(baseline));
    writeFileSync(path.join(this.#vm.job, 'policy.yaml'), `${policyHead}${this.#rules}baseline: {apparmor: ${file}}\n`);
    await this.#vm.output(`
      [ ! -e /job/baseline.json ] || cp /job/baseline.json ${nodeFolder}
      cp /job/release.pub ${nodeFolder} && cp /job/policy.yaml ${nodeFolder}/policy.new
      mv ${nodeFolder}/policy.new ${nodeFolder}/policy.yaml`);
  }

  async #startRuntime(registryHost: string): Promise<void> {
    const folder = path.dirname(runtimeSocket);
    const { job } = this.#vm;
    const paths = { folder, socket: runtimeSocket, runc: peer('runc'), cniPlugins: peer('cni'), cniConfig: folder };
    writeFileSync(path.join(job, 'containerd.toml'), containerdConfig('2', paths));
    writeFileSync(
      path.join(job, 'registry.json'),
      JSON.stringify({
        version: '0.1',
        storage: { filesystem: { rootdirectory: '/job/registry' } },
        http: { addr: registryHost, secret: 'fairlead-test' },
      }),
    );
    for (const [index, { archive }] of (await makeImages()).entries())
      writeFileSync(path.join(job, `image-${index}.tar`), archive);
    await this.#vm.output(`
      mkdir -p ${folder} ${nodeFolder}/{state,seccomp,logs}
      chmod 700 ${nodeFolder}/state
      OTEL_TRACES_EXPORTER=none ${peer('docker-registry')} serve /job/registry.json > /job/registry.log 2>&1 &
      PATH=${path.dirname(peer('containerd'))}:$PATH containerd --config /job/containerd.toml > /job/containerd.log 2>&1 &
      until [ -S ${runtimeSocket} ]; do kill -0 $! || { cat /job/containerd.log >&2; exit 1; }; sleep 0.1; done
      for image in /job/image-*.tar; do
        ${peer('ctr')} --address ${runtimeSocket} --namespace k8s.io images import $image || exit
      done`);
  }
}

interface Published {
  readonly registryHost: string;
  readonly references: readonly string[];
}

/** Publishes artifacts on the host, in a registry whose content the guest has. */
async function publishAll(job: string, artifacts: readonly NodeArtifact[], signer: KeySigner): Promise<Published> {
  const storage = path.join(job, 'registry');
  mkdirSync(storage);
  const registry = await startRegistry({ storage });
  const references: string[] = [];
  for (const { repository, text, unsigned } of artifacts)
    references.push(await publish(registry.host, repository, packText(text), unsigned ? undefined : signer));
  await registry.stop();
  return { registryHost: registry.host, references };
}
