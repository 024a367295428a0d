import { type Command, Option } from 'commander';
import { policyOption } from '../options/environment.ts';
import { examples } from '../options/options.ts';
import { shutdownDelayOption } from '../options/shutdown-delay.ts';
import { openLog } from '../process/log.ts';
import { stopSignal } from '../process/stop-signal.ts';
import { define as defineManifests } from './operator-manifests.ts';

interface OperatorOptions {
  readonly kubeconfig?: string;
  readonly listen: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly clientCa?: string;
  readonly policy?: string;
  readonly delivery: 'localhost' | 'oci';
  readonly shutdownDelay: number;
}

/** `fairlead operator`. */
export function define(command: Command): void {
  command
    .description(
      'Run the Kubernetes operator. Its webhooks write the profile of each ArtifactBinding into the pods that it selects, and ' +
        'verify it. Logs go to stdout, one JSON object per line. SIGTERM ends it when no API server uses it any more. To print ' +
        'what to install in a cluster, use the command manifests.',
    )
    .option('--listen <host:port>', 'address of the webhooks', '0.0.0.0:9443')
    .option(
      '--tls-cert <file>',
      'PEM certificate of the webhooks; reloaded when it is replaced (default: the operator makes one, in a Secret)',
    )
    .option('--tls-key <file>', 'PEM private key of the certificate')
    .option(
      '--client-ca <file>',
      'PEM certificates of the authorities of the API servers, whose clients may send reviews (default: all clients may)',
    )
    .addOption(policyOption('trust policy for artifacts and base profiles (default: the TrustPolicy object default)'))
    .addOption(
      new Option(
        '--delivery <type>',
        'how profiles are written into pods: as Localhost profiles, or by the type OCI of Kubernetes 1.38 where the API server ' +
          'and all nodes have it',
      )
        .choices(['localhost', 'oci'])
        .default('localhost'),
    )
    .addOption(shutdownDelayOption())
    .option('--kubeconfig <file>', 'kubeconfig of the cluster (default: the ServiceAccount of the pod)')
    .addHelpText(
      'after',
      examples([
        ['run in a pod', 'fairlead operator'],
        [
          'run outside of the cluster, to try it: at the ClusterIP of its Service',
          'fairlead operator --listen 10.96.0.20:443 --kubeconfig ~/.kube/config',
        ],
      ]),
    )
    .action(operate);
  defineManifests(command.command('manifests'));
}

async function operate(options: OperatorOptions): Promise<void> {
  const stopped = stopSignal();
  const [{ startOperator }, log] = await Promise.all([import('#operator/run/operator'), openLog('fairlead-operator')]);
  const operator = await startOperator({ ...options, log });
  log.info({ address: operator.address }, 'listening');
  await stopped;
  log.info({ delay: options.shutdownDelay }, 'stopping');
  await operator.drain(options.shutdownDelay * 1000);
}
