import type { Command } from 'commander';
import { formatReference, tagOrDigestOf } from '#lib/registry/reference';
import { parseRequested } from '#lib/registry/requested-reference';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import { refuseDash } from '../files/files.ts';
import { withTemporaryLayout } from '../files/temporary-layout.ts';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { settleRequested } from '../options/requested.ts';
import { writeResult } from '../terminal/output.ts';
import { describeTransfer, watchTransfer } from '../terminal/transfer.ts';

/** `fairlead save REFERENCE FILE`. */
export function define(command: Command): void {
  command
    .description(
      'Save an artifact with its signatures to one file, an OCI archive, for a site without network access. The same content ' +
        'produces the same bytes. fairlead load loads the archive into a registry there, and the artifact verifies offline.',
    )
    .argument('<reference>', 'registry/repository:tag, registry/repository@sha256:… or registry/repository@RANGE')
    .argument('<file>', 'OCI archive; an existing file is replaced');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['save an artifact for an air-gapped site', 'fairlead save ghcr.io/acme/profiles/nginx:1.27 nginx.tar'],
        [
          'copy the archive with skopeo',
          'skopeo copy oci-archive:nginx.tar:1.27 docker://registry.example.com/nginx:1.27',
        ],
      ]),
    )
    .action(save);
}

async function save(referenceText: string, file: string, options: OutputOptions & RegistryOptions): Promise<void> {
  const requested = parseRequested(referenceText);
  refuseDash(file, 'Name a file for the archive. A file of that name is ./-');
  const [{ copySigned }, { writeArchive }, connect] = await Promise.all([
    import('#lib/trust/sign/copy-signed'),
    import('../files/archive-file.ts'),
    openRegistries(options, process.env),
  ]);
  const reference = await settleRequested(requested, connect);
  refuseReservedTag(reference.tag);
  const source = connect(reference);
  const transfer = watchTransfer();
  const { onContent, onSkipped } = transfer;
  const artifact = await source.resolve(tagOrDigestOf(reference));
  await withTemporaryLayout(async ({ directory, name, repository }) => {
    const tags = reference.tag === undefined ? [] : [reference.tag];
    await copySigned(source, repository, artifact, { onContent, onSkipped, tags });
    await writeArchive(file, directory, name);
  });
  const saved = { ...reference, digest: artifact.digest };
  writeResult('save', options.output, {
    json: () => ({ reference: formatReference(saved), digest: artifact.digest, file, skipped: transfer.skipped }),
    text: () => `saved      ${formatReference(saved)}\nwritten    ${file}\n${describeTransfer(transfer)}`,
  });
}
