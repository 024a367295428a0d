import type { Command } from 'commander';
import type { NodePull } from '#cri-shim/admin/documents';
import { type AdminOptions, adminErrors, adminOption, askShim } from '../node/admin-client.ts';
import { signersText } from '../node/signers-text.ts';
import { addOutputOption, examples, kindOption, type OutputOptions } from '../options/options.ts';
import { exitCodes } from '../process/exit-codes.ts';
import { oneLine, writeResult } from '../terminal/output.ts';

interface PullOptions extends AdminOptions, OutputOptions {
  readonly kind: string;
}

/** `fairlead node pull REFERENCE`. */
export function define(command: Command): void {
  addOutputOption(command.addOption(adminOption()))
    .summary('pull an artifact before a pod names it')
    .description(
      'Have the shim pull an artifact with the credentials of the node, verify it under its policy, and keep it. Containers that name ' +
        'it then need no registry.',
    )
    .argument('<reference>', 'registry/repository@sha256:…')
    .addOption(kindOption())
    .addHelpText(
      'after',
      examples([['pull an artifact', 'fairlead node pull registry.example.com/security/nginx@sha256:…']]),
    )
    .addHelpText(
      'after',
      exitCodes('pulled', {
        ...adminErrors,
        ProfileInvalid: 'invalid profile',
        SignatureInvalid: 'signature missing or invalid',
      }),
    )
    .action(pull);
}

async function pull(reference: string, { kind, ...options }: PullOptions): Promise<void> {
  const pulled = await askShim<NodePull>(options, 'POST', '/v1/pull', { reference, kind });
  writeResult('node pull', options.output, {
    json: () => pulled,
    text: () =>
      [
        `${pulled.cached ? 'on the node already' : 'pulled'}: ${oneLine(pulled.reference)}`,
        `rule:      ${oneLine(pulled.rule)}`,
        `signed by: ${oneLine(signersText(pulled.signers))}`,
      ].join('\n'),
  });
}
