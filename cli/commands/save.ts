import { join } from 'node:path';
import { Argument, type Command } from 'commander';
import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { formatReference, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import { parseRequested, type RequestedReference } from '#lib/registry/requested-reference';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import type { Repository } from '#lib/registry/target';
import { completing } from '../definitions/completable.ts';
import { refuseStdout } from '../files/files.ts';
import { withTemporaryLayout } from '../files/temporary-layout.ts';
import { type Connect, openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { isReferenceOnly } from '../options/profile-source.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { settleRequested } from '../options/requested.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { writeResult } from '../terminal/output.ts';
import { describeSaved, watchTransfer } from '../terminal/transfer.ts';

interface SavedArtifact {
  readonly source: Repository;
  readonly reference: Reference;
  readonly descriptor: Descriptor;
}

/** `fairlead save REFERENCE… FILE`. */
export function define(command: Command): void {
  command
    .description(
      'Save artifacts with their signatures to one file, an OCI archive, for a site without network access. Content that several ' +
        'artifacts share is in it once, and the same content produces the same bytes. fairlead load loads the archive into a ' +
        'registry there, and the artifacts verify offline.',
    )
    .usage('[options] <reference...> <file>')
    .addArgument(
      completing(
        new Argument(
          '<reference...>',
          'registry/repository:tag, registry/repository@sha256:… or registry/repository@RANGE; last the file, an OCI archive, which ' +
            'is replaced if it exists',
        ),
        'file',
      ),
    );
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['save an artifact for an air-gapped site', 'fairlead save ghcr.io/acme/profiles/nginx:1.27 nginx.tar'],
        [
          'save several artifacts',
          'fairlead save ghcr.io/acme/profiles/nginx:1.27 ghcr.io/acme/profiles/redis:7.2 profiles.tar',
        ],
        [
          'copy the archive with skopeo',
          'skopeo copy oci-archive:nginx.tar:1.27 docker://registry.example.com/nginx:1.27',
        ],
      ]),
    )
    .addHelpText(
      'after',
      exitCodes('saved', { ...registryErrors, InvalidInput: 'invalid request, or the file cannot be written' }),
    )
    .action(save);
}

async function save(words: readonly string[], options: OutputOptions & RegistryOptions): Promise<void> {
  const { requested, file } = parseWords(words);
  await refuseStdout(file, 'Name a file for the archive. A file named - is ./-');
  const [{ copySigned }, { nameArtifacts }, { writeArchive }, connect] = await Promise.all([
    import('#lib/trust/sign/copy-signed'),
    import('#lib/registry/layout/layout-names'),
    import('../files/archive-file.ts'),
    openRegistries(options, process.env),
  ]);
  const transfer = watchTransfer();
  const { onContent, onProgress, onSkipped } = transfer;
  const artifacts: SavedArtifact[] = [];
  for (const reference of await settleAll(requested, connect)) {
    const source = connect(reference);
    artifacts.push({ source, reference, descriptor: await source.resolve(tagOrDigestOf(reference)) });
  }
  await withTemporaryLayout(async ({ directory, name, repository }) => {
    for (const { source, descriptor } of artifacts) {
      const watched = { onContent, onProgress, onSkipped, tags: [] };
      await transfer.during(copySigned(source, repository, descriptor, watched));
    }
    await nameArtifacts(join(directory, name), artifacts);
    await writeArchive(file, directory, name);
  });
  const saved = artifacts.map(({ reference, descriptor: { digest } }) => ({
    reference: formatReference({ ...reference, digest }),
    digest,
  }));
  writeResult('save', options.output, {
    json: () => ({ saved, file, skipped: transfer.skipped }),
    text: () =>
      [...saved.map(({ reference }) => `saved      ${reference}`), `written    ${file}`, describeSaved(transfer)].join(
        '\n',
      ),
    quiet: () => saved.map(({ reference }) => reference).join('\n'),
  });
}

/** Returns what is requested, and the file. Throws InvalidInput. */
function parseWords(words: readonly string[]): {
  readonly requested: readonly RequestedReference[];
  readonly file: string;
} {
  const file = words.at(-1) ?? '';
  const names = words.slice(0, -1);
  if (names.length === 0) {
    throw new FairleadError('InvalidInput', 'save takes references and then a file', {
      hint: `Add the file to write: \`fairlead save ${file} FILE\``,
    });
  }
  if (isReferenceOnly(file)) {
    const [first = '', ...others] = names.filter((name) => !isReferenceOnly(name));
    if (first !== '' && others.length === 0) {
      const references = words.filter((word) => word !== first);
      throw new FairleadError(
        'InvalidInput',
        `save writes to a file, which is its last argument; ${file} is a reference`,
        {
          hint: `Write the file last: \`fairlead save ${references.join(' ')} ${first}\``,
        },
      );
    }
    throw new FairleadError(
      'InvalidInput',
      `save writes to a file, which is its last argument; ${file} is a reference`,
      {
        hint: `Add the file to write: \`fairlead save ${words.join(' ')} FILE\``,
      },
    );
  }
  return { requested: names.map((name) => parseRequested(withoutScheme(name))), file };
}

/** Returns the references that are requested, each once, in an order of their own. */
async function settleAll(requested: readonly RequestedReference[], connect: Connect): Promise<Reference[]> {
  const found = new Map<string, Reference>();
  for (const each of requested) {
    const reference = await settleRequested(each, connect);
    refuseReservedTag(reference.tag);
    found.set(formatReference(reference), reference);
  }
  return [...found.keys()].sort().map((name) => found.get(name) as Reference);
}
