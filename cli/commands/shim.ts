import type { Command } from 'commander';
import { examples } from '../options/options.ts';
import { becomeLean } from '../process/lean-process.ts';
import { openLog } from '../process/log.ts';
import { onReload, stopSignal } from '../process/stop-signal.ts';

interface ShimOptions {
  readonly listen: string;
  readonly runtime: string;
  readonly policy: string;
  readonly state: string;
  readonly seccompRoot: string;
  readonly metrics?: string;
  readonly decisionLog?: string;
  readonly imageCredentialProviderConfig?: string;
  readonly imageCredentialProviderBinDir?: string;
}

/** `fairlead shim`. */
export function define(command: Command): void {
  command
    .description(
      'Stand between kubelet and container runtime: containers that name a profile get it, verified under the trust policy and ' +
        'intersected with the baseline; everything else passes unchanged. Logs go to stdout, one JSON object a line. ' +
        'SIGHUP reads the policy again, SIGTERM lets running calls end.',
    )
    .option('--listen <socket>', 'where the kubelet calls', 'unix:///run/fairlead/shim.sock')
    .option('--runtime <socket>', "the runtime's socket", 'unix:///run/containerd/containerd.sock')
    .requiredOption('--policy <file>', 'trust policy: which profiles may be applied; without a rule, none')
    .option('--state <folder>', 'verified artifacts and effective profiles are kept here', '/var/lib/fairlead')
    .option('--seccomp-root <folder>', "the kubelet's folder for seccomp profiles", '/var/lib/kubelet/seccomp')
    .option('--metrics <host:port>', 'serve Prometheus metrics here')
    .option('--image-credential-provider-config <file>', "the kubelet's flag of this name: who it is to registries")
    .option('--image-credential-provider-bin-dir <folder>', "the kubelet's flag of this name: the programs that say so")
    .option('--decision-log <file>', 'append every decision about an artifact here, one JSON object a line')
    .addHelpText(
      'after',
      examples([
        [
          'on a node with containerd',
          'fairlead shim --listen unix:///run/fairlead/shim.sock --runtime unix:///run/containerd/containerd.sock \\\n' +
            '    --policy /etc/fairlead/policy.yaml --state /var/lib/fairlead',
        ],
        ['the kubelet then speaks to it', 'kubelet --container-runtime-endpoint=unix:///run/fairlead/shim.sock …'],
        [
          'before CRI-O',
          'fairlead shim --runtime unix:///run/crio/crio.sock --policy /etc/fairlead/policy.yaml --metrics 127.0.0.1:9095',
        ],
      ]),
    )
    .action(shim);
}

async function shim(options: ShimOptions): Promise<void> {
  becomeLean();
  const stopped = stopSignal();
  const reloadBy = onReload();
  const [{ startShim }, log] = await Promise.all([import('#cri-shim/shim'), openLog('fairlead-shim')]);
  const running = await startShim({ ...options, log });
  reloadBy(running.reload);
  await stopped;
  log.info('stopping');
  await running.stop();
}
