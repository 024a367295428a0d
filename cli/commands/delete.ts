import type { Command } from 'commander';
import { FairleadError } from '#lib/errors';
import type { DeletionPlan } from '#lib/registry/plan-deletion';
import { formatReference, formatRepository, parseReference, type Reference } from '#lib/registry/reference';
import { openRegistries } from '../options/connect.ts';
import {
  addOutputOption,
  addRegistryOptions,
  examples,
  type OutputOptions,
  type RegistryOptions,
} from '../options/options.ts';
import { withoutScheme } from '../options/reference-scheme.ts';
import { exitCodes, registryErrors } from '../process/exit-codes.ts';
import { oneLine, printable, writeResult } from '../terminal/output.ts';
import { askLine, isInteractive } from '../terminal/passphrase.ts';

interface DeleteOptions extends OutputOptions, RegistryOptions {
  readonly allTags?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `fairlead delete REFERENCE@DIGEST`. */
export function define(command: Command): void {
  command
    .description(
      'Delete an artifact with its signatures and other referrers. An artifact with other tags, or that is a part of a tagged ' +
        'index, is not deleted. A registry removes the blobs when it collects garbage; in an OCI layout directory, those that ' +
        'nothing else refers to are removed at once.',
    )
    .argument('<reference>', 'registry/repository@sha256:… or registry/repository:tag@sha256:…')
    .option('--all-tags', 'also delete an artifact that has other tags than the one of the reference, with all of them')
    .option('--dry-run', 'print what would be deleted, and delete nothing')
    .option('--yes', 'do not ask; required if there is no terminal');
  addRegistryOptions(command);
  addOutputOption(command)
    .addHelpText(
      'after',
      examples([
        ['show what would be deleted', 'fairlead delete ghcr.io/acme/profiles/nginx@sha256:… --dry-run'],
        ['delete an artifact with its only tag', 'fairlead delete ghcr.io/acme/profiles/nginx:1.26@sha256:… --yes'],
        ['delete from a directory', 'fairlead delete localhost/nginx@sha256:… --oci-layout ./profiles --yes'],
      ]),
    )
    .addHelpText('after', exitCodes('deleted', { ...registryErrors, Conflict: 'other tags or an index need it' }))
    .action(deleteOne);
}

async function deleteOne(argument: string, options: DeleteOptions): Promise<void> {
  const text = withoutScheme(argument);
  const reference = parseReference(text);
  const [{ planDeletion }, { deleteArtifact }, connect] = await Promise.all([
    import('#lib/registry/plan-deletion'),
    import('#lib/registry/delete-artifact'),
    openRegistries(options, process.env),
  ]);
  const repository = connect(reference);
  const { tag, digest } = reference;
  if (digest === undefined) {
    const named = tag === undefined ? undefined : (await repository.resolve(tag, { fromOrigin: true })).digest;
    throw new FairleadError('InvalidInput', `${text} names no digest, and a tag may move while it is deleted`, {
      hint:
        named === undefined
          ? `Name an artifact: ${formatRepository(reference)}@sha256:…`
          : `To delete what the tag names now: \`fairlead delete ${formatReference({ ...reference, digest: named })}\`. To remove only the tag: \`fairlead untag ${text}\``,
    });
  }
  const plan = await planDeletion(repository, digest);
  refuseOthers(plan, reference, options.allTags === true);
  const name = formatReference(reference);
  const described = describePlan(plan, name);
  const document = {
    reference: name,
    digest,
    tags: plan.tags.map((each) => each.tag),
    referrers: plan.referrers.map((each) => each.digest),
    derivedTags: plan.derivedTags.map((each) => each.tag),
  };
  if (options.dryRun) {
    writeResult('delete', options.output, {
      json: () => ({ ...document, deleted: [], kept: [] }),
      text: () => `${described}\ndeleted    nothing, because of --dry-run`,
      quiet: () => digest,
    });
    return;
  }
  if (!options.yes) await confirm(described, name);
  const { deleted, kept } = await deleteArtifact(repository, plan);
  writeResult('delete', options.output, {
    json: () => ({ ...document, deleted, kept }),
    text: () =>
      [
        // At the terminal, it was shown with the question.
        ...(options.yes ? [described] : []),
        `deleted    ${deleted.length === 1 ? '1 manifest' : `${deleted.length} manifests`}`,
        ...kept.map((each) => `kept       ${each.tag}: ${each.reason}`),
      ].join('\n'),
    quiet: () => digest,
  });
}

/** Throws Conflict if tags or indexes would lose content that the user may not know of. */
function refuseOthers({ tags, indexes, digest }: DeletionPlan, reference: Reference, allTags: boolean): void {
  if (indexes.length > 0) {
    throw new FairleadError('Conflict', `${digest} is a part of a tagged index: ${list(indexes)}`, {
      hint: 'Delete the index first.',
    });
  }
  const tagged = tags.find((each) => each.tag === reference.tag);
  if (reference.tag !== undefined && tagged === undefined) {
    throw new FairleadError('Conflict', `${formatReference(reference)}: the tag does not name this digest`, {
      hint: `Check what it names: \`fairlead inspect ${formatRepository(reference)}:${reference.tag}\``,
    });
  }
  if (allTags) return;
  const [others, attached] = ownAndAttached(
    tags.filter((each) => each.tag !== reference.tag),
    digest,
  );
  const name = formatReference(reference);
  if (others.length > 0) {
    throw new FairleadError('Conflict', `${name} is also tagged ${list(others)}`, {
      hint: 'Move these tags, or add --all-tags to delete the artifact with all of its tags.',
    });
  }
  const [first] = attached;
  if (first === undefined) return;
  throw new FairleadError(
    'Conflict',
    `what is attached to ${name} would be deleted too, and has tags: ${listAttached(attached)}`,
    {
      hint: `To see it: \`fairlead inspect ${formatRepository(reference)}:${first.tag}\`. To delete it with the artifact, add --all-tags.`,
    },
  );
}

/** Separates the tags of an artifact from those of what is attached to it. */
function ownAndAttached(
  tags: DeletionPlan['tags'],
  digest: string,
): readonly [DeletionPlan['tags'], DeletionPlan['tags']] {
  const isOwn = (each: DeletionPlan['tags'][number]): boolean => each.descriptor.digest === digest;
  return [tags.filter(isOwn), tags.filter((each) => !isOwn(each))];
}

function listAttached(tags: DeletionPlan['tags']): string {
  return list(tags.map(({ tag, descriptor }) => ({ tag: `${tag} (${descriptor.digest})` })));
}

function list(tags: readonly { readonly tag: string }[]): string {
  const shown = tags.slice(0, 20).map(({ tag }) => tag);
  return `${shown.join(', ')}${tags.length > shown.length ? ` and ${tags.length - shown.length} more` : ''}`;
}

function describePlan({ digest, artifact, referrers, derivedTags, tags }: DeletionPlan, name: string): string {
  const [own, attached] = ownAndAttached(tags, digest);
  return [
    `artifact   ${name}${artifact === undefined ? ', which is already deleted' : ''}`,
    ...(own.length === 0 ? [] : [`tags       ${list(own)}`]),
    ...(attached.length === 0 ? [] : [`tags       of what is attached: ${listAttached(attached)}`]),
    ...referrers.map(({ digest, artifactType }) => `referrer   ${digest}  ${oneLine(artifactType ?? '')}`.trimEnd()),
    ...derivedTags.map(({ tag }) => `attached   ${tag}`),
  ].join('\n');
}

/** Asks at the terminal. Throws InvalidInput without one, and if the answer is not yes. */
async function confirm(described: string, name: string): Promise<void> {
  if (!isInteractive()) {
    throw new FairleadError(
      'InvalidInput',
      `${name} is not deleted without --yes, since there is no terminal to ask at`,
      {
        hint: 'Add --yes, or --dry-run to see what would be deleted.',
      },
    );
  }
  process.stderr.write(`${printable(described)}\n`);
  if (/^y(?:es)?$/i.test(await askLine('Delete this? [y/N] '))) return;
  throw new FairleadError('InvalidInput', 'nothing was deleted', { hint: 'Answer y to delete.' });
}
