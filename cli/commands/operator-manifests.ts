import type { Command } from 'commander';
import { parseReference } from '#lib/registry/reference';
import { examples } from '../options/options.ts';

interface ManifestsOptions {
  readonly crds?: true;
  readonly image?: string;
}

/** `fairlead operator manifests`. */
export function define(command: Command): void {
  command
    .summary('print what to install in a cluster')
    .description(
      'Print the manifests of everything that the operator needs in a cluster, in an order in which they can be applied: ' +
        'its namespace, the CustomResourceDefinitions, RBAC, the Deployment and the webhooks.',
    )
    .option('--crds', 'print only the CustomResourceDefinitions')
    .option('--image <reference>', 'your copy of the image, which the Deployment runs', parseImage)
    .addHelpText(
      'after',
      examples([
        [
          'install the operator',
          'fairlead operator manifests --image registry.internal/fairlead:0.1.0 | kubectl apply --server-side -f -',
        ],
        ['only add or update the APIs', 'fairlead operator manifests --crds | kubectl apply --server-side -f -'],
      ]),
    )
    .action(async (options: ManifestsOptions) => {
      const { installation } = await import('#operator/manifests/installation');
      process.stdout.write(installation(options));
    });
}

function parseImage(text: string): string {
  parseReference(text);
  return text;
}
