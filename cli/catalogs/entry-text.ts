import type { CatalogEntry, CatalogProfile } from '#lib/catalog/entry';
import { signerNames } from '#lib/catalog/signer-name';
import { formatRepository } from '#lib/registry/reference';
import { shorten } from '#lib/text/quote';
import type { Document } from '../documents/documents.ts';
import { oneLine } from '../terminal/output.ts';

/** Most characters of a text of a publisher in the output for people. */
const shownLength = 170;

/** Returns the first tag of an artifact, or its digest. */
export function versionLabel({ tags: [first], descriptor }: CatalogEntry): string {
  return first ?? descriptor.digest;
}

/** Returns a profile of a catalog in lines. */
export function profileLines(profile: CatalogProfile): readonly string[] {
  const [newest] = profile.versions;
  const line = (label: string, value: string): string => oneLine(`  ${label.padEnd(9)} ${shorten(value, shownLength)}`);
  return [
    oneLine(`${formatRepository(profile)}  ${versionLabel(newest)}  ${newest.kind}`),
    ...(newest.summary === undefined ? [] : [line('summary', newest.summary)]),
    ...(newest.calls === undefined ? [] : [line('calls', callsText(newest.calls))]),
    ...(newest.images.length === 0 ? [] : [line('images', newest.images.join(', '))]),
    line('signer', signerNames(newest).join(', ')),
  ];
}

/** Returns the number of calls in words: `236 of 352, asks for 4 more`. */
export function callsText({ allowed, baseline, asked }: NonNullable<CatalogEntry['calls']>): string {
  return `${allowed} of ${baseline}${asked === 0 ? '' : `, asks for ${asked} more`}`;
}

/** Returns an entry of a catalog for a JSON document. */
export function entryDocument(entry: CatalogEntry): Document<'catalog info'>['versions'][number] {
  const { descriptor, kind, tags, summary, architectures, images, subject, created, signers, calls, annotations } =
    entry;
  return {
    reference: `${formatRepository(entry)}@${descriptor.digest}`,
    digest: descriptor.digest,
    kind,
    tags,
    ...(summary !== undefined && { summary }),
    architectures,
    images,
    ...(subject !== undefined && { subject }),
    ...(created !== undefined && { created }),
    signers,
    ...(calls !== undefined && { calls }),
    annotations,
  };
}
