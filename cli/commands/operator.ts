import type { Command } from 'commander';
import { examples } from '../options/options.ts';
import { becomeLean } from '../process/lean-process.ts';
import { openLog } from '../process/log.ts';
import { stopSignal } from '../process/stop-signal.ts';

interface OperatorOptions {
  readonly kubeconfig?: string;
  readonly listen: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly clientCa?: string;
}

/** `fairlead operator`. */
export function define(command: Command): void {
  command
    .description(
      'Run the Kubernetes operator: webhooks that write the profile of each ArtifactBinding into the pods that it selects, and verify that it is there. ' +
        'Logs go to stdout, one JSON object a line. SIGTERM lets running calls end. Manifests to deploy it: deploy/operator.',
    )
    .option('--listen <host:port>', 'where the API server calls the webhook', '0.0.0.0:9443')
    .requiredOption('--tls-cert <file>', 'PEM certificate of the webhook; taken up again when it is replaced')
    .requiredOption('--tls-key <file>', 'PEM private key of the certificate')
    .option(
      '--client-ca <file>',
      'PEM certificates of the authorities whose clients may send reviews: those of the API servers; else anybody may',
    )
    .option('--kubeconfig <file>', 'how to reach the cluster; else as the ServiceAccount of the pod')
    .addHelpText(
      'after',
      examples([
        ['in a pod', 'fairlead operator --tls-cert /tls/tls.crt --tls-key /tls/tls.key'],
        [
          'outside of the cluster, to try it',
          'fairlead operator --listen 127.0.0.1:9443 --tls-cert tls.crt --tls-key tls.key --kubeconfig ~/.kube/config',
        ],
      ]),
    )
    .action(operate);
}

async function operate(options: OperatorOptions): Promise<void> {
  becomeLean();
  const stopped = stopSignal();
  const [{ startOperator }, log] = await Promise.all([import('#operator/run/operator'), openLog('fairlead-operator')]);
  const operator = await startOperator({ ...options, log });
  log.info({ address: operator.address }, 'listening');
  await stopped;
  log.info('stopping');
  await operator.stop();
}
