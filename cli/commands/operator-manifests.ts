import { type Command, Option } from 'commander';
import { FairleadError } from '#lib/errors';
import { parseReference } from '#lib/registry/reference';
import { examples } from '../options/options.ts';

interface ManifestsOptions {
  readonly crds?: true;
  readonly webhooks?: boolean;
  readonly image?: string;
}

/** `fairlead operator manifests`. */
export function define(command: Command): void {
  command
    .summary('print what to install in a cluster')
    .description(
      'Print what the operator needs in a cluster of Kubernetes 1.19 or newer, as manifests in an order in which they can be ' +
        'applied: the CustomResourceDefinitions, the namespace, RBAC, the Deployment and the webhooks. Once there are webhooks, no ' +
        'pod is created without the operator, so apply them when it is ready. Before Kubernetes 1.28, follow deploy/README.md, ' +
        'which has further steps.',
    )
    .option('--image <reference>', 'your copy of the image, which the Deployment runs', parseImage)
    .addOption(new Option('--crds', 'print only the CustomResourceDefinitions').conflicts(['webhooks', 'image']))
    .option('--webhooks', 'print only the webhooks')
    .option('--no-webhooks', 'print everything except the webhooks')
    .addHelpText(
      'after',
      examples([
        [
          'install the operator',
          'fairlead operator manifests --no-webhooks --image registry.internal/fairlead:0.1.0 | kubectl apply --server-side -f -\n' +
            '  kubectl -n fairlead-system rollout status deployment/fairlead-operator\n' +
            '  fairlead operator manifests --webhooks | kubectl apply --server-side -f -',
        ],
        ['only add or update the APIs', 'fairlead operator manifests --crds | kubectl apply --server-side -f -'],
      ]),
    )
    .action(async ({ crds, webhooks, image }: ManifestsOptions) => {
      // A conflict of the option would be one of --no-webhooks too.
      if (webhooks === true && image !== undefined) {
        throw new FairleadError('InvalidInput', '--webhooks cannot be used with --image: the webhooks name no image');
      }
      const { installation, installationParts } = await import('#operator/manifests/installation');
      const parts = installationParts.filter((part) => {
        if (crds) return part === 'crds';
        return webhooks === undefined || (part === 'webhooks') === webhooks;
      });
      process.stdout.write(installation({ parts, ...(image === undefined ? {} : { image }) }));
    });
}

function parseImage(text: string): string {
  parseReference(text);
  return text;
}
