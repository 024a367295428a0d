import type { CatalogDiff } from '#lib/catalog/diff-catalogs';
import { formatRepository } from '#lib/registry/reference';
import type { Document } from '../documents/documents.ts';
import { oneLine } from '../terminal/output.ts';
import { entryDocument, versionLabel } from './entry-text.ts';

/** Returns the difference between two catalogs for a JSON document. */
export function differenceDocument({
  added,
  removed,
  changed,
  moved,
}: CatalogDiff): Omit<Document<'catalog diff'>, 'from' | 'to'> {
  return {
    added: added.map(entryDocument),
    removed: removed.map(entryDocument),
    changed: changed.map(({ from, to }) => ({ from: entryDocument(from), to: entryDocument(to) })),
    moved: moved.map(({ tag, from, to, ...name }) => ({ repository: formatRepository(name), tag, from, to })),
  };
}

/** Returns the difference between two catalogs in lines. */
export function differenceLines({ added, removed, changed, moved }: CatalogDiff): readonly string[] {
  const line = (word: string, text: string): string => oneLine(`${word.padEnd(8)} ${text}`);
  return [
    ...added.map((entry) => line('added', `${formatRepository(entry)}  ${versionLabel(entry)}  ${entry.kind}`)),
    ...removed.map((entry) => line('removed', `${formatRepository(entry)}  ${versionLabel(entry)}`)),
    ...moved.map((tag) => line('moved', `${formatRepository(tag)}:${tag.tag}  ${tag.from} -> ${tag.to}`)),
    ...changed.map(({ from, to }) =>
      line(
        'changed',
        `${formatRepository(to)}@${to.descriptor.digest}  ${tagsText(from.tags)} -> ${tagsText(to.tags)}`,
      ),
    ),
  ];
}

function tagsText(tags: readonly string[]): string {
  return tags.length === 0 ? '(no tag)' : tags.join(', ');
}
