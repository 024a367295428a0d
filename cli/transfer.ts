import type { CopyOptions } from '#lib/registry/copy';
import type { Descriptor } from '#lib/registry/descriptor';

type How = Parameters<NonNullable<CopyOptions['onContent']>>[1];

/** What a transfer moved: pieces of content by what became of them, and the bytes that were sent. */
export interface Transfer {
  readonly onContent: (descriptor: Descriptor, how: How) => void;
  readonly counts: Readonly<Record<How, number>>;
  readonly sentBytes: number;
}

/** Counts what is copied, and tells it on stderr while it happens, where a person looks. */
export function watchTransfer(): Transfer {
  const counts = { sent: 0, mounted: 0, present: 0 };
  let sentBytes = 0;
  return {
    onContent({ digest, size, mediaType }, how) {
      counts[how]++;
      if (how === 'sent') sentBytes += size;
      if (process.stderr.isTTY) process.stderr.write(`${how.padEnd(7)}  ${digest}  ${size} bytes  ${mediaType}\n`);
    },
    counts,
    get sentBytes() {
      return sentBytes;
    },
  };
}

/** One line about it. */
export function describeTransfer({ counts, sentBytes }: Transfer): string {
  const mounted = counts.mounted === 0 ? '' : `, ${counts.mounted} taken over within the registry`;
  const pieces = counts.sent === 1 ? '1 piece' : `${counts.sent} pieces`;
  return `sent       ${pieces}, ${sentBytes} bytes${mounted}, ${counts.present} there already`;
}
