import type { FairleadError } from '#lib/errors';
import type { CopyOptions } from '#lib/registry/copy';
import type { Descriptor } from '#lib/registry/descriptor';
import { oneLine } from './output.ts';
import { TransferProgress } from './transfer-progress.ts';

type How = Parameters<NonNullable<CopyOptions['onContent']>>[1];

/** A referrer or list that was not copied, and why. */
interface Skipped {
  readonly digest: string;
  readonly reason: string;
}

/**
 * What a transfer moved: blobs and manifests by what happened to them, the bytes that were sent,
 * and what could not be copied.
 */
export interface Transfer {
  readonly onContent: (descriptor: Descriptor, how: How) => void;
  readonly onProgress: (descriptor: Descriptor, bytes: number) => void;
  readonly onSkipped: (descriptor: Descriptor, error: FairleadError) => void;
  /** Returns the result of a copy that reports here, and then leaves nothing on the terminal. */
  during<T>(copying: Promise<T>): Promise<T>;
  readonly counts: Readonly<Record<How, number>>;
  readonly sentBytes: number;
  readonly skipped: readonly Skipped[];
}

/** Counts what is copied, and shows progress on stderr: each content if that is a terminal. */
export function watchTransfer(): Transfer {
  const counts = { sent: 0, mounted: 0, present: 0 };
  const skipped: Skipped[] = [];
  const progress = new TransferProgress();
  let sentBytes = 0;
  return {
    onContent(descriptor, how) {
      counts[how]++;
      const { digest, size, mediaType } = descriptor;
      if (how === 'sent') sentBytes += size;
      progress.finish(descriptor, `${how.padEnd(7)}  ${digest}  ${size} bytes  ${oneLine(mediaType)}`);
    },
    onProgress: (descriptor, bytes) => progress.advance(descriptor, bytes),
    during: (copying) => copying.finally(() => progress.erase()),
    onSkipped({ digest }, { message: reason }) {
      skipped.push({ digest, reason });
    },
    counts,
    skipped,
    get sentBytes() {
      return sentBytes;
    },
  };
}

/** Describes a transfer in lines: what was sent, and each referrer or list that was skipped. */
export function describeTransfer({ counts, sentBytes, skipped }: Transfer): string {
  const mounted = counts.mounted === 0 ? '' : `, ${counts.mounted} mounted from another repository`;
  const pieces = counts.sent === 1 ? '1 blob or manifest' : `${counts.sent} blobs and manifests`;
  return [
    `sent       ${pieces}, ${sentBytes} bytes${mounted}, ${counts.present} already present`,
    ...skippedLines(skipped),
  ].join('\n');
}

/** Describes in lines what was read for a new file: what several artifacts share is in it once. */
export function describeSaved({ counts, sentBytes, skipped }: Transfer): string {
  const pieces = counts.sent === 1 ? '1 blob or manifest' : `${counts.sent} blobs and manifests`;
  return [`content    ${pieces}, ${sentBytes} bytes`, ...skippedLines(skipped)].join('\n');
}

function skippedLines(skipped: readonly Skipped[]): readonly string[] {
  return skipped.map(({ digest, reason }) => `skipped    ${digest}: ${oneLine(reason)}`);
}
