import { type Command, Option } from 'commander';
import { nodeDefaults } from '#cri-shim/node-defaults';
import type { ShimMode } from '#cri-shim/shim';
import { examples } from '../options/options.ts';
import { collectOften, stayLean } from '../process/lean-process.ts';
import { openLog } from '../process/log.ts';
import { onReload, stopSignal } from '../process/stop-signal.ts';
import { buildInformation } from '../process/version.ts';

interface ShimOptions {
  readonly listen: string;
  readonly runtime: string;
  readonly policy: string;
  readonly policyOptional?: boolean;
  readonly state: string;
  readonly seccompRoot: string;
  readonly lsm: string;
  readonly metrics?: string;
  readonly admin?: string;
  readonly prepull?: string;
  readonly decisionLog?: string;
  readonly imageCredentialProviderConfig?: string;
  readonly imageCredentialProviderBinDir?: string;
  readonly mode: ShimMode;
  readonly previewKep6061?: boolean;
}

/** `fairlead shim`. */
export function define(command: Command): void {
  command
    .description(
      'Run the proxy between the kubelet and the container runtime. A container that names a profile gets it, verified under ' +
        'the trust policy and intersected with the baseline; all other calls pass unchanged. Logs go to stdout, one JSON ' +
        'object per line. SIGHUP reloads the policy; SIGTERM waits for running calls and stops.',
    )
    .option('--listen <socket>', 'socket for the kubelet', nodeDefaults.listen)
    .option('--runtime <socket>', 'socket of the container runtime', nodeDefaults.runtime)
    .requiredOption('--policy <file>', 'trust policy; without a rule, no profile is allowed')
    .option('--policy-optional', 'start without the policy file, and deny everything until it exists')
    .option('--state <directory>', 'directory for verified artifacts and effective profiles', nodeDefaults.state)
    .option('--seccomp-root <directory>', 'directory of the kubelet for seccomp profiles', nodeDefaults.seccompRoot)
    .option('--lsm <socket>', 'socket of `fairlead lsm`, which loads AppArmor profiles', nodeDefaults.lsm)
    .option('--metrics <host:port>', 'address for Prometheus metrics, /healthz and /readyz (default: none)')
    .option('--admin <socket>', 'socket for administrators, for `fairlead node` (default: none)')
    .option('--prepull <file>', 'pull these artifacts at the start: on each line a kind and a reference with a digest')
    .option('--image-credential-provider-config <file>', "the kubelet's configuration of credential providers")
    .option('--image-credential-provider-bin-dir <directory>', "directory of the kubelet's credential provider plugins")
    .option('--decision-log <file>', 'append each decision about an artifact to this file, one JSON object per line')
    .addOption(
      new Option('--mode <mode>', 'who resolves profiles of type OCI: the shim, or a runtime that reports that it does')
        .choices(['shim', 'auto'])
        .default('shim'),
    )
    .option(
      '--preview-kep-6061',
      'serve PullSecurityProfile, ListSecurityProfiles and RemoveSecurityProfile too, whose field numbers are not released',
    )
    .addHelpText(
      'after',
      examples([
        [
          'run on a node with containerd',
          'fairlead shim --listen unix:///run/fairlead/shim.sock --runtime unix:///run/containerd/containerd.sock \\\n' +
            '    --policy /etc/fairlead/policy.yaml --state /var/lib/fairlead',
        ],
        [
          'start the kubelet with the socket of the shim',
          'kubelet --container-runtime-endpoint=unix:///run/fairlead/shim.sock …',
        ],
        [
          'run on a node with CRI-O, with metrics',
          'fairlead shim --runtime unix:///run/crio/crio.sock --policy /etc/fairlead/policy.yaml --metrics 127.0.0.1:9095',
        ],
      ]),
    )
    .action(shim);
}

async function shim(options: ShimOptions): Promise<void> {
  stayLean();
  collectOften();
  const stopped = stopSignal();
  const reloadBy = onReload();
  const [{ startShim }, log] = await Promise.all([import('#cri-shim/shim'), openLog('fairlead-shim')]);
  const build = buildInformation();
  log.info(build, `fairlead ${build.version} starts`);
  const running = await startShim({ ...options, log, build });
  reloadBy(() => running.reload());
  await stopped;
  log.info('stopping');
  await running.stop();
}
