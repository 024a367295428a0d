import type { Command } from 'commander';
import { parseRequested } from '#lib/registry/requested-reference';
import { inspectArtifact, inspectionDocument, inspectionText } from '../inspect/inspection.ts';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { settleRequested } from '../options/requested.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';

/** `fairlead inspect REFERENCE`. */
export function define(command: Command): void {
  command
    .description(
      'Show an artifact in a registry: manifest, layers, annotations and signatures. Nothing is verified: everybody who can ' +
        'write to the repository can have written it. To check an artifact, use fairlead verify.',
    )
    .argument('<reference>', 'registry/repository:tag, registry/repository@sha256:… or registry/repository@RANGE');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['show an artifact', 'fairlead inspect ghcr.io/acme/profiles/nginx:1.27'],
        [
          'get its digest in a script',
          'fairlead inspect ghcr.io/acme/profiles/nginx:1.27 --output json | jq -r .digest',
        ],
      ]),
    )
    .addHelpText('after', exitCodes('shown', registryErrors))
    .action(inspect);
}

async function inspect(referenceText: string, options: OutputOptions & RegistryOptions): Promise<void> {
  const requested = parseRequested(withoutScheme(referenceText));
  const connect = await openRegistries(options, process.env);
  const inspection = await inspectArtifact(await settleRequested(requested, connect), connect);
  writeResult('inspect', options.output, {
    json: () => inspectionDocument(inspection),
    text: () => inspectionText(inspection),
    quiet: () => inspection.descriptor.digest,
  });
}
